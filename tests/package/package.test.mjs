// The npm packages, installed from their files into an empty project on a machine without Rust and without a network.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { parse } from "smol-toml";
import { missingBlocks } from "../../packages/worker/commands/missing-blocks.mjs";
import { fromRoot, projectNode, windows } from "../../scripts/lib/paths.mjs";
import { freePort } from "../../scripts/lib/ports.mjs";
import { templateFiles } from "../../scripts/lib/template.mjs";
import { makePackages } from "../../scripts/package.mjs";
import { until } from "../support/until.mjs";

/** Which Node a user has: PACKAGE_NODE names the program of another. */
const node = process.env.PACKAGE_NODE ?? projectNode;
const scratch = mkdtempSync(join(tmpdir(), "postern-package-"));
// Blanks and letters that are not ASCII: nothing may quote its paths wrongly.
const project = join(scratch, "my projects", "pöstern ☃ (1)");
const programs = join(scratch, "programs");
/** @type {Record<string, string>} */
const env = {
  ...process.env,
  PATH: [programs, dirname(node)].join(delimiter),
  HOME: scratch,
  npm_config_offline: "true",
  npm_config_cache: join(scratch, "npm-cache"),
  npm_config_update_notifier: "false",
};
/** @type {import("node:http").Server} */
let origin;
let originUrl = "";

/** @param {string} program @param {string[]} args @param {object} [more] of the environment */
function start(program, args, more = {}) {
  const child = spawn(program, args, { cwd: project, env: { ...env, ...more }, stdio: ["ignore", "pipe", "pipe"], shell: windows });
  const output = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk) => (output.stdout += chunk));
  child.stderr.on("data", (chunk) => (output.stderr += chunk));
  /** @type {Promise<number | null>} */
  const ended = new Promise((resolve) => child.once("close", resolve));
  return { child, output, ended };
}

/** @param {string} program @param {string[]} args @param {object} [more] */
async function run(program, args, more) {
  const { output, ended } = start(program, args, more);
  return { code: await ended, ...output };
}

/** @param {string} path @param {string} text */
const write = (path, text) => writeFileSync(join(project, path), text);
const read = (/** @type {string} */ path) => readFileSync(join(project, path), "utf8");

before(async () => {
  for (const directory of [project, programs]) mkdirSync(directory, { recursive: true });
  // Everything that the machine has but Rust's programs.
  for (const name of ["npm", "npx", "sh", "env", "sed", "uname", "dirname", "basename"]) {
    const found = (process.env.PATH ?? "").split(delimiter).map((directory) => join(directory, name)).find(existsSync);
    if (found && !windows) symlinkSync(found, join(programs, name));
  }
  origin = createServer((request, response) => response.end(String(request.headers["postern-user-id"] ?? "nobody"))).listen(0, "127.0.0.1");
  await until("the origin listens", async () => origin.address() !== null);
  const address = origin.address();
  originUrl = `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
});
after(() => {
  origin.close();
  rmSync(scratch, { recursive: true, force: true });
});

test("the committed template is what the repository's own files say", () => {
  for (const [name, text] of Object.entries(templateFiles())) {
    assert.equal(readFileSync(fromRoot("template", name), "utf8"), text, `template/${name} is out of date: run npm run docs`);
  }
  assert.equal(missingBlocks(parse(templateFiles()["wrangler.toml"] ?? ""), parse(readFileSync(fromRoot("wrangler.toml"), "utf8"))).length, 0);
});

test("installed without Rust and without a network: init, dev, a session, an origin, check, deploy", { timeout: 240_000, skip: windows }, async () => {
  assert.equal((await run("sh", ["-c", "command -v cargo rustc rustup"])).code, 127, "this test is about a machine without Rust");
  const [worker = "", client = ""] = await makePackages(scratch);
  write("package.json", JSON.stringify({ name: "mine", private: true, type: "module" }));
  const installed = await run("npm", ["install", "--legacy-peer-deps", "--no-audit", "--no-fund", worker, client]);
  assert.equal(installed.code, 0, installed.stderr);
  // What npm would get from the registry: the peer dependency.
  symlinkSync(fromRoot("node_modules", "wrangler"), join(project, "node_modules", "wrangler"));

  const begun = await run("npx", ["postern", "init"]);
  assert.equal(begun.code, 0, begun.stderr);
  for (const file of ["wrangler.toml", "gateway.toml", "issuers.toml", "worker.mjs", ".dev.vars.example", ".gitignore"]) assert.ok(existsSync(join(project, file)), file);
  assert.equal(JSON.parse(read("package.json")).scripts.deploy, "postern deploy");
  assert.match((await run("npx", ["postern", "keys"])).stdout, /^[0-9a-f]{48}\n$/);

  write("gateway.toml", `[origins.app]\nurl = "${originUrl}"\n[[rules]]\npath = "/private/**"\nsession = "required"\n`);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const { child, output, ended } = start("npx", ["postern", "dev", "--", "--port", String(port)]);
  try {
    await until("it is ready, or has ended", async () => output.stdout.includes("Ready on") || child.exitCode !== null, 120_000);
    const key = output.stdout.match(/^API key: (\S+)$/m)?.[1] ?? "";
    assert.ok(output.stdout.includes(`Ready on ${url}\n`), output.stderr);
    const headers = { "api-key": key, "content-type": "application/json" };
    const body = JSON.stringify({ userId: "alice", userDataInJWT: { role: "editor" }, userDataInDatabase: { cart: ["book"] }, enableAntiCsrf: false });
    const created = /** @type {any} */ (await (await fetch(`${url}/core/recipe/session`, { method: "POST", headers, body })).json());
    const token = { authorization: `Bearer ${created.accessToken.token}` };
    const session = /** @type {any} */ (await (await fetch(`${url}/auth/session`, { headers: token })).json());
    assert.deepEqual([session.session.userId, session.session.jwtPayload], ["alice", { role: "editor" }]);
    // The data through the client package, as a backend reads and overwrites it.
    write("backend.mjs", `import * as postern from "postern";
      await postern.updateSessionData(process.argv[2], { cart: ["book", "lamp"] });
      console.log(JSON.stringify(await postern.getSessionData(process.argv[2])));`);
    const backend = await run(node, ["backend.mjs", created.session.handle], { POSTERN_URL: url, POSTERN_API_KEY: key });
    assert.equal(backend.stdout, '{"cart":["book","lamp"]}\n', backend.stderr);
    // The gateway.
    assert.equal((await fetch(`${url}/private/x`)).status, 401);
    const page = await fetch(`${url}/private/x`, { headers: token });
    assert.deepEqual([page.status, await page.text()], [200, "alice"]);
    assert.equal((await fetch(`${url}/private/x`, { headers: { authorization: `${token.authorization}x` } })).status, 401);
  } finally {
    child.kill("SIGTERM");
    await ended;
  }
  await assert.rejects(fetch(url), TypeError);

  const refused = await run("npx", ["postern", "deploy", "--dry-run", "--outdir", "out", "--var", "API_DOMAIN:https://auth.example.com"]);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /^error: gateway\.toml: origins\.app\.url: is an address of this machine/m);
  // An environment has rules of its own, and the operator's files say all about it.
  write("gateway.production.toml", '[origins.app]\nurl = "https://app.example.com"\n[[rules]]\npath = "/**"\nsession = "required"\n');
  const { kv_namespaces: namespaces, durable_objects: objects } = /** @type {any} */ (parse(read("wrangler.toml")));
  write("wrangler.toml", `${read("wrangler.toml")}
[env.production]
vars = { API_DOMAIN = "https://auth.example.com" }
kv_namespaces = [${namespaces.map((/** @type {any} */ { binding }) => `{ binding = "${binding}" }`)}]
durable_objects = { bindings = [${objects.bindings.map((/** @type {any} */ { name, class_name: of }) => `{ name = "${name}", class_name = "${of}" }`)}] }
`);
  const deployed = await run("npx", ["postern", "deploy", "--dry-run", "--outdir", "out", "--env", "production"]);
  assert.equal(deployed.code, 0, deployed.stderr);
  assert.ok(read("out/worker.js").includes("https://app.example.com"), "the environment's rules are in the upload");
});

test("an upgrade adds what wrangler.toml lacks, and only that", () => {
  const wanted = parse(templateFiles()["wrangler.toml"] ?? "");
  const old = `name = "mine"
[vars]
API_DOMAIN = "https://auth.example.com"
[[kv_namespaces]]
binding = "SESSION_DATA"
[[durable_objects.bindings]]
name = "USER_SESSIONS"
class_name = "UserSessions"
[[migrations]]
tag = "v1"
new_sqlite_classes = ["UserSessions", "KeyRing"]
[[migrations]]
tag = "v2"
new_sqlite_classes = ["MyOwn"]
`;
  const blocks = missingBlocks(wanted, parse(old));
  const completed = JSON.parse(JSON.stringify(parse(`${old}\n${blocks.join("\n")}`)));
  assert.deepEqual(missingBlocks(wanted, completed), []);
  assert.equal(completed.vars.API_DOMAIN, "https://auth.example.com");
  assert.deepEqual(completed.migrations.at(-1), { tag: "postern-v2", new_sqlite_classes: ["Revocations"] });
  assert.deepEqual(completed.migrations.slice(0, 2), JSON.parse(JSON.stringify(parse(old))).migrations);
});
