// @ts-check
// `npm run sbom`: writes build/sbom.cdx.json, what Postern is made of and built with (CycloneDX 1.6). From the lock files
// alone, so the same commit gives the same file, without a time or a random number in it.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { crates, packages } from "./lib/components.mjs";
import { fromRoot } from "./lib/paths.mjs";
import { main, say } from "./lib/process.mjs";

/** The document. */
export async function sbom() {
  const { version } = /** @type {{version: string}} */ (/** @type {unknown} */ (readFileSync(fromRoot("Cargo.toml"), "utf8").match(/^version = "(?<version>[^"]+)"/m)?.groups));
  const purl = (/** @type {string} */ type, /** @type {string} */ name, /** @type {string} */ version) => `pkg:${type}/${name.replace("@", "%40")}@${version}`;
  const component = (/** @type {string} */ type, /** @type {{name: string, version: string, license?: string}} */ { name, version, license }, /** @type {object} */ more) => ({
    type: "library",
    "bom-ref": purl(type, name, version),
    name,
    version,
    ...(license ? { licenses: [{ expression: license }] } : {}),
    purl: purl(type, name, version),
    ...more,
  });
  const shipped = (/** @type {string} */ type, /** @type {{name: string, version: string, isShipped: boolean}[]} */ all) => all.filter(({ isShipped }) => isShipped).map(({ name, version }) => purl(type, name, version));
  const hash = (/** @type {string} */ alg, /** @type {string | undefined} */ content) => (content ? { hashes: [{ alg, content }] } : {});
  const made = await crates();
  const installed = packages();
  const rust = made.map((crate) =>
    component("cargo", crate, {
      // What only builds or tests is not part of what is deployed.
      scope: crate.isShipped ? "required" : "excluded",
      ...hash("SHA-256", crate.sha256),
      ...(crate.repository ? { externalReferences: [{ type: "vcs", url: crate.repository }] } : {}),
    }),
  );
  const npm = installed.map((found) => {
    const [, digest] = found.integrity?.match(/^sha512-(.+)$/) ?? [];
    return component("npm", found, { scope: found.isShipped ? "required" : "excluded", ...hash("SHA-512", digest && Buffer.from(digest, "base64").toString("hex")) });
  });
  return {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: { component: { type: "application", "bom-ref": "postern", name: "postern", version, licenses: [{ expression: "MIT OR Apache-2.0" }] } },
    components: [...rust, ...npm],
    dependencies: [{ ref: "postern", dependsOn: [...shipped("cargo", made), ...shipped("npm", installed)] }],
  };
}

async function write() {
  const file = fromRoot("build", "sbom.cdx.json");
  const document = await sbom();
  mkdirSync(fromRoot("build"), { recursive: true });
  writeFileSync(file, `${JSON.stringify(document, null, 2)}\n`);
  say(`${document.components.length} components: ${file}`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await main(write);
