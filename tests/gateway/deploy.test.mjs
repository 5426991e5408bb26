// `npm run deploy`: what the Worker would refuse to serve with is said in one line each, and the account is not asked for anything.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
/** What a deployment reads. Copied, build and all, because the rules are changed. */
const PROJECT = ["src", "crates", "bench/native", "scripts", "console", "build", "wrangler.toml", "issuers.toml", "Cargo.toml", "Cargo.lock", "rust-toolchain.toml", "package.json", "package-lock.json"];

/** Stands in for Cloudflare: refuses everything, and notes what it was asked. */
async function startAccount() {
  /** @type {string[]} */
  const asked = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    response.writeHead(403, { "content-type": "application/json" });
    response.end(JSON.stringify({ success: false, errors: [{ code: 10000, message: "Authentication error" }], messages: [], result: null }));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const address = server.address();
  const port = typeof address === "object" ? address?.port : 0;
  return { asked, url: `http://127.0.0.1:${port}/client/v4`, close: () => new Promise((resolve) => server.close(resolve)) };
}

/** Deploys with these rules. @param {string} rules @param {string[]} args */
async function deploy(rules, ...args) {
  const account = await startAccount();
  const directory = mkdtempSync(join(tmpdir(), "postern-deploy-"));
  try {
    for (const name of PROJECT) cpSync(join(root, name), join(directory, name), { recursive: true });
    symlinkSync(join(root, "node_modules"), join(directory, "node_modules"), "junction");
    writeFileSync(join(directory, "gateway.toml"), rules);
    const env = { ...process.env, CLOUDFLARE_API_BASE_URL: account.url, CLOUDFLARE_API_TOKEN: "a-token-of-nobody", CLOUDFLARE_ACCOUNT_ID: "0".repeat(32) };
    const child = spawn(process.execPath, ["scripts/run.mjs", "deploy", ...args], { cwd: directory, env, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
    const code = await new Promise((resolve) => child.once("close", resolve));
    return { code, asked: account.asked, output, errors: output.split("\n").filter((line) => line.startsWith("error: ")) };
  } finally {
    await account.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

const DOMAIN = ["--var", "API_DOMAIN:https://auth.example.com"];
const GOOD = '[origins.app]\nurl = "https://app.example"\n[[rules]]\npath = "/app/**"\norigin = "app"\n';

test("good rules are deployed: the account is asked", { timeout: 240_000 }, async () => {
  const { asked, output } = await deploy(GOOD, ...DOMAIN);
  assert.ok(asked.some((line) => line.endsWith("/workers/services/postern")), `${asked}\n${output}`);
});

test("a bad rule and a bad setting: one line each, and nothing leaves the machine", { timeout: 240_000 }, async () => {
  const { code, asked, errors, output } = await deploy(GOOD.replace('"/app/**"', '"app"').replace('origin = "app"', 'origin = "nobody"'), ...DOMAIN, "--var", "ACCESS_TOKEN_VALIDITY:soon");
  assert.deepEqual([code, asked], [1, []], output);
  const named = errors.map((line) => line.replace(/^error: (.*?): .*$/, "$1")).sort();
  assert.deepEqual(named, ["error: nothing was deployed", "gateway.toml rules[0].origin", "gateway.toml rules[0].path", "setting ACCESS_TOKEN_VALIDITY"]);
});

test("what `npm start` fills in is not taken for granted: without API_DOMAIN nothing is deployed", { timeout: 240_000 }, async () => {
  const { code, asked, errors, output } = await deploy("");
  assert.deepEqual([code, asked, errors.length], [1, [], 2], output);
  assert.match(errors[0] ?? "", /^error: setting API_DOMAIN: /);
});

test("rules that are no TOML: one line that says where", { timeout: 240_000 }, async () => {
  const { code, asked, errors, output } = await deploy(`${GOOD}[[rules]\n`);
  assert.deepEqual([code, asked, errors.length], [1, [], 1], output);
  assert.match(errors[0] ?? "", /^error: gateway\.toml line 6, column \d+: /);
});

test("the copy that is deployed here is of everything that a build depends on", () => {
  const inputs = readFileSync(join(root, "scripts", "build.mjs"), "utf8").match(/const INPUTS = \[(.*?)\]/)?.[1] ?? "";
  // The packages are linked.
  for (const [, path] of inputs.matchAll(/"([^"]+)"/g)) assert.ok([...PROJECT, "node_modules"].includes(String(path).split("/")[0] ?? ""), path);
});
