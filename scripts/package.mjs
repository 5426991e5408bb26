// @ts-check
// `npm run package`: the npm packages, as files in dist/. `postern-worker` is the built Worker with the commands that run
// and deploy it, and needs no Rust; `postern` is the client. Prints a path for each, and writes dist/SHA256SUMS.
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { consolePage, makeConsolePage } from "./lib/console-page.mjs";
import { fromRoot } from "./lib/paths.mjs";
import { StepFailed, main, say } from "./lib/process.mjs";
import { templateFiles, writeTemplate } from "./lib/template.mjs";
import { build } from "./build.mjs";
import { npm } from "./setup.mjs";

const json = (/** @type {string[]} */ ...path) => JSON.parse(readFileSync(fromRoot(...path), "utf8"));
const staged = fromRoot("target", "package");
/** Commands of this folder that are the same in a project that has installed the package. */
const COMMANDS = ["start", "check", "deploy", "reset", "admin"];
/** Parts of scripts/lib that those do not use. */
const NOT_THERE = ["components", "console-page", "glue", "hash", "place", "python", "template"];
/** What an old build may have left beside it, or nobody deploys. */
const NOT_SHIPPED = [".made-of", "gateway.mjs", "issuers.mjs", "index_bg.debug.wasm", "sbom.cdx.json"];

/**
 * Makes them from whatever build is there.
 * @param {string} directory where to @returns {Promise<string[]>} their paths, the Worker's first
 */
export async function makePackages(directory) {
  await makeConsolePage();
  rmSync(staged, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  stageWorker(staged);
  return [await pack(staged, directory), await pack(fromRoot("client"), directory)];
}

/** @param {string} to */
function stageWorker(to) {
  const copy = (/** @type {string} */ from, target = from) => cpSync(fromRoot(from), join(to, target), { recursive: true });
  const write = (/** @type {string} */ path, /** @type {string} */ text) => writeFileSync(join(to, path), text);
  mkdirSync(join(to, "build"), { recursive: true });
  for (const name of readdirSync(fromRoot("src")).filter((name) => name.endsWith(".mjs"))) copy(`src/${name}`);
  for (const name of readdirSync(fromRoot("build")).filter((name) => !NOT_SHIPPED.includes(name))) copy(`build/${name}`);
  // The project's worker.mjs brings the rules and the issuers.
  for (const name of ["gateway", "issuers"]) write(`build/${name}.mjs`, 'export default "";\n');
  for (const name of COMMANDS) copy(`scripts/${name}.mjs`);
  for (const name of readdirSync(fromRoot("scripts", "lib")).filter((name) => !NOT_THERE.includes(basename(name, ".mjs")))) copy(`scripts/lib/${name}`);
  copy("packages/worker/bin", "bin");
  copy("packages/worker/README.md", "README.md");
  copy("packages/worker/build.mjs", "scripts/build.mjs");
  copy("packages/worker/place.mjs", "scripts/lib/place.mjs");
  for (const name of ["init", "keys", "migrate", "upgrade"]) copy(`packages/worker/commands/${name}.mjs`, `scripts/${name}.mjs`);
  copy("packages/worker/commands/missing-blocks.mjs", "scripts/lib/missing-blocks.mjs");
  copy("template");
  cpSync(consolePage, join(to, "console"), { recursive: true });
  for (const [name, text] of Object.entries(templateFiles())) write(`template/${name}`, text);
  // npm would leave them out under these names.
  for (const name of [".gitignore", ".dev.vars.example"]) renameSync(join(to, "template", name), join(to, "template", name.slice(1)));
  for (const name of ["CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT", "SECURITY.md", "THIRD-PARTY-LICENSES.txt"]) copy(name);
  for (const name of readdirSync(fromRoot("docs"))) copy(`docs/${name}`);
  copy("node_modules/smol-toml");
  write("package.json", `${JSON.stringify(manifest(), undefined, 2)}\n`);
}

function manifest() {
  const { name, version, license, dependencies } = json("package.json");
  return {
    name,
    version,
    description: "Postern, a session service at the edge: the built Worker, and the commands that run and deploy it",
    license,
    type: "module",
    bin: { postern: "bin/postern.mjs" },
    exports: { ".": "./src/entry.mjs", "./package.json": "./package.json" },
    engines: { node: ">=22.12" },
    // One file and no dependency of its own, so it comes along.
    dependencies: { "smol-toml": dependencies["smol-toml"] },
    bundleDependencies: ["smol-toml"],
    // The project's own, so that it decides when it is exchanged.
    peerDependencies: { wrangler: `^${dependencies.wrangler}` },
  };
}

/** @param {string} from @param {string} to @returns {Promise<string>} the path of the file */
async function pack(from, to) {
  const { code, output } = await npm(["pack", "--json", "--ignore-scripts", "--pack-destination", to], { cwd: from, quiet: true, collect: true });
  const name = output.match(/"filename":\s*"([^"]+)"/)?.[1];
  if (code !== 0 || !name) throw new StepFailed(`npm pack failed in ${from}: ${output}`);
  return join(to, name);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  await main(async () => {
    await build("release");
    writeTemplate();
    const to = fromRoot("dist");
    for (const name of existsSync(to) ? readdirSync(to) : []) if (name.endsWith(".tgz")) rmSync(join(to, name));
    const made = await makePackages(to);
    const sums = made.map((file) => `${createHash("sha256").update(readFileSync(file)).digest("hex")}  ${basename(file)}\n`);
    writeFileSync(join(to, "SHA256SUMS"), sums.join(""));
    say("Two packages, and their digests in dist/SHA256SUMS:");
    process.stdout.write(`${made.join("\n")}\n`);
  });
}
