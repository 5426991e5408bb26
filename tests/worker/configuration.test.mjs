// What the commands find wrong with a configuration before a Worker runs, and that no command waits for ever.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { configurationFaults, configurationWarnings } from "../../scripts/lib/configuration.mjs";
import { freePort } from "../../scripts/lib/ports.mjs";
import { StepFailed } from "../../scripts/lib/process.mjs";
import { storageUser, useStorage } from "../../scripts/lib/storage-lock.mjs";
import { probeUrl } from "../../scripts/lib/wrangler-dev.mjs";
import { option, settingsReader, wranglerConfig } from "../../scripts/lib/wrangler-settings.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));
const directory = mkdtempSync(join(tmpdir(), "postern-configuration-"));
after(() => rmSync(directory, { recursive: true, force: true }));

const BINDINGS = (/** @type {string} */ at) => `
[[${at}kv_namespaces]]
binding = "SESSION_DATA"
id = "0123456789abcdef0123456789abcdef"
[${at}durable_objects]
bindings = [{ name = "USER_SESSIONS", class_name = "UserSessions" }, { name = "KEY_RING", class_name = "KeyRing" }, { name = "REVOCATIONS", class_name = "Revocations" }]
`;

/** A configuration file. @param {string} name @param {string} text */
function configuration(name, text) {
  const file = join(directory, name);
  writeFileSync(file, `name = "postern"\nmain = "index.js"\ncompatibility_date = "2026-11-01"\n${text}`);
  return file;
}

test("every binding that an environment lacks is named; the file that was asked for is the one that is read", async () => {
  const text = `${BINDINGS("")}\n[env.bare]\n[env.half.durable_objects]\nbindings = [{ name = "KEY_RING", class_name = "KeyRing" }]\n[env.whole]\n${BINDINGS("env.whole.")}`;
  const file = configuration("environments.toml", text);
  const missing = async (/** @type {string[]} */ ...args) => (await configurationFaults(["--config", file, ...args])).map((fault) => fault.match(/^binding (\w+): /)?.[1]);
  assert.deepEqual(await missing(), []);
  assert.deepEqual(await missing("--env", "whole"), []);
  assert.deepEqual(await missing("--env=bare"), ["SESSION_DATA", "USER_SESSIONS", "KEY_RING", "REVOCATIONS"]);
  assert.deepEqual(await missing("-e", "half"), ["SESSION_DATA", "USER_SESSIONS", "REVOCATIONS"]);
});

test("an optional binding that only the top level has is pointed out", async () => {
  const limiter = (/** @type {string} */ at) => `[[${at}ratelimits]]\nname = "RATE_LIMIT"\nnamespace_id = "1"\nsimple = { limit = 20, period = 10 }\n`;
  const file = configuration("optional.toml", `${BINDINGS("")}${limiter("")}[[analytics_engine_datasets]]\nbinding = "METRICS"\n[[queues.producers]]\nbinding = "EVENTS"\nqueue = "events"\n[env.bare]\n[env.half]\n${limiter("env.half.")}`);
  const named = async (/** @type {string[]} */ ...args) => (await configurationWarnings(["--config", file, ...args])).map((line) => line.match(/^binding (\w+): /)?.[1]);
  assert.deepEqual(await named(), []);
  assert.deepEqual(await named("--env", "half"), ["METRICS", "EVENTS"]);
  assert.deepEqual(await named("--env", "bare"), ["RATE_LIMIT", "METRICS", "EVENTS"]);
});

test("a queue that is not the one for events, refreshes without a destination, and addresses that no deployment reaches", async () => {
  const queue = (/** @type {string} */ name) => `${BINDINGS("")}\n[[queues.producers]]\nbinding = "${name}"\nqueue = "events"\n`;
  const found = async (/** @type {string} */ file, /** @type {string[]} */ vars = [], asDeployed = false) => configurationFaults(["-c", file, ...vars.flatMap((one) => ["--var", one])], { asDeployed });
  const plain = configuration("plain.toml", BINDINGS(""));
  const right = configuration("right.toml", queue("EVENTS"));
  assert.deepEqual(await found(right, ["EVENTS_REFRESHED:true"]), []);
  assert.match((await found(configuration("wrong.toml", queue("EVENT"))))[0] ?? "", /^binding EVENT: .*EVENTS/);
  assert.match((await found(plain, ["EVENTS_REFRESHED:true"]))[0] ?? "", /^setting EVENTS_REFRESHED: there is no destination/);
  assert.deepEqual(await found(plain, ["EVENTS_REFRESHED:true", "EVENTS_WEBHOOK_URL:https://app.example.com/"]), []);
  for (const name of ["EVENTS_WEBHOOK_URL", "FORMER_CORE_URL"]) {
    const isLocal = async (/** @type {boolean} */ asDeployed) => (await found(plain, [`${name}:http://127.0.0.1:9000/`], asDeployed)).filter((fault) => fault.startsWith(`setting ${name}`));
    assert.match((await isLocal(true))[0] ?? "", /address of this machine/);
    assert.deepEqual(await isLocal(false), []);
  }
});

test("a setting is read from the section and the file that are used", async () => {
  const file = configuration("settings.toml", `[vars]\nFRESHNESS = "strict"\n[env.staging.vars]\nAPI_DOMAIN = "https://staging.example"\nMAX_SESSIONS_PER_USER = 3\n`);
  const top = await settingsReader(["-c", file]);
  assert.deepEqual([top("FRESHNESS"), top("API_DOMAIN")], ["strict", undefined]);
  const staging = await settingsReader(["-c", file, "--env", "staging"]);
  assert.deepEqual([staging("FRESHNESS"), staging("API_DOMAIN"), staging("MAX_SESSIONS_PER_USER")], [undefined, "https://staging.example", "3"]);
  const given = await settingsReader(["-c", file, "--var", "FRESHNESS:stateless"]);
  assert.equal(given("FRESHNESS"), "stateless");
});

test("settings are read as wrangler reads them, and what it cannot read is told in one line", async () => {
  const vars = (/** @type {string} */ at, /** @type {string} */ value) => `[${at}vars]\nTEXT = "${value}"\nNUMBER = 3\nLIST = ["a", { b = true }]\n`;
  const one = configuration("one.toml", vars("", "top"));
  const many = configuration("many.toml", `${vars("", "top")}[env.bare]\n${vars("env.own.", "own")}`);
  const comments = join(directory, "wrangler.jsonc");
  writeFileSync(comments, '{"name": "postern", /* as wrangler takes it */ "vars": {"TEXT": "jsonc"},}');
  for (const args of [["-c", one], ["-c", one, "--env", "none"], ["-c", many], ["-c", many, "-e", "bare"], ["-c", many, "-e", "own"], ["-c", comments]]) {
    const setting = await settingsReader(args);
    const { vars: expected } = await wranglerConfig(args);
    for (const name of ["TEXT", "NUMBER", "LIST"]) {
      const value = expected[name];
      assert.equal(setting(name), value === undefined || typeof value === "string" ? value : JSON.stringify(value), `${args} ${name}`);
    }
  }
  const refusals = { "broken.toml": /line 4, column 6: .*TOML/, "absent.toml": /Could not read/, "many.toml": /No environment .*"none"/ };
  configuration("broken.toml", "[vars\n");
  for (const [name, message] of Object.entries(refusals)) {
    await assert.rejects(settingsReader(["-c", join(directory, name), "--env", "none"]), (error) => error instanceof StepFailed && message.test(error.message) && !error.message.includes("\n"), name);
  }
});

test("what wrangler finds wrong with a file, or with an environment, is told, and not only where", async () => {
  const wrong = 'workers_dev = "yes"';
  for (const [text, args] of /** @type {[string, string[]][]} */ ([[`${wrong}\n`, []], [`[env.own]\n${wrong}\n`, ["--env", "own"]]])) {
    await assert.rejects(wranglerConfig(["-c", configuration("wrong-form.toml", text), ...args]), (error) => error instanceof StepFailed && /workers_dev/.test(error.message) && !error.message.includes("\n"), text);
  }
});

test("a start does not load wrangler to read its settings", () => {
  const script = `
    import { createRequire } from "node:module";
    import { settingsReader } from "./scripts/lib/wrangler-settings.mjs";
    const setting = await settingsReader(["-c", process.argv[1]]);
    process.stdout.write([setting("TEXT"), ...Object.keys(createRequire(import.meta.url).cache)].join(" "));`;
  const file = configuration("light.toml", '[vars]\nTEXT = "read"\n');
  assert.equal(spawnSync(process.execPath, ["--input-type=module", "--eval", script, file], { cwd: root, encoding: "utf8" }).stdout, "read");
});

test("a variable that only a deployment would refuse is found before", async () => {
  const found = (/** @type {number} */ bytes) => configurationFaults(["-c", configuration("large.toml", `${BINDINGS("")}[vars]\nISSUER = "${"x".repeat(bytes)}"\n`)]);
  assert.deepEqual(await found(5_120), []);
  assert.match((await found(5_121))[0] ?? "", /^setting ISSUER: 5121 bytes/);
});

test("a deployment refuses origins that it cannot reach, and such as anybody could read", async () => {
  const file = configuration("origins.toml", BINDINGS(""));
  const fault = async (/** @type {string} */ url, asDeployed = true) => (await configurationFaults(["-c", file, "--var", `ORIGIN:${url}`], { asDeployed })).filter((line) => line.startsWith("setting ORIGIN: "));
  for (const url of ["http://127.0.0.1:9000", "https://127.8.8.8", "http://localhost:3000", "https://app.localhost", "https://[::1]:8443"]) {
    assert.match((await fault(url))[0] ?? "", /address of this machine/, url);
    assert.deepEqual(await fault(url, false), [], url);
  }
  assert.match((await fault("http://app.example.com"))[0] ?? "", /not https/);
  assert.deepEqual(await fault("https://app.example.com"), []);
});

test("options are read in all their forms, and a probe knows every spelling of the base path", () => {
  for (const args of [["--env", "x"], ["--env=x"], ["-e", "x"], ["-e=x"]]) assert.equal(option(args, "env", "e"), "x");
  assert.equal(option(["--environment", "x"], "env", "e"), undefined);
  for (const base of ["auth", "/auth", "/auth/", undefined]) assert.equal(probeUrl("http://127.0.0.1:1", "healthz", base), "http://127.0.0.1:1/auth/healthz");
  for (const base of ["", "/"]) assert.equal(probeUrl("http://127.0.0.1:1", "readyz", base), "http://127.0.0.1:1/readyz");
});

test("storage has one user at a time; one that is gone does not count", () => {
  const storage = mkdtempSync(join(directory, "storage-"));
  assert.equal(storageUser(storage), undefined);
  useStorage(storage);
  assert.equal(storageUser(storage), process.pid);
  assert.throws(() => useStorage(storage), new RegExp(`process ${process.pid}`));
  writeFileSync(join(storage, "server.pid"), "4194304");
  assert.equal(storageUser(storage), undefined);
});

test("a base path without a slash is checked, not waited for; a check that is told to end does so and leaves nothing", { timeout: 180_000 }, async () => {
  const check = () => spawn(process.execPath, ["scripts/run.mjs", "check", "--var", "API_BASE_PATH:auth"], { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  /** @type {(child: ReturnType<typeof check>) => Promise<{code: number | null, stdout: string}>} */
  const end = (child) => {
    let stdout = "";
    child.stdout.on("data", (chunk) => (stdout += chunk));
    child.stderr.resume();
    return new Promise((resolve) => child.once("close", (code) => resolve({ code, stdout })));
  };
  const { code, stdout } = await end(check());
  assert.deepEqual([code, stdout], [0, "The settings are good.\n"]);
  const stopped = check();
  const ended = end(stopped);
  // Its streams close when the last process that holds them has ended, wrangler and workerd included.
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  for (let again = 0; again < 3; again += 1) stopped.kill("SIGTERM");
  assert.notEqual((await ended).code, 0);
});

test("over https it becomes ready as well", { timeout: 180_000 }, async () => {
  const storage = mkdtempSync(join(directory, "https-"));
  const child = spawn(process.execPath, ["scripts/run.mjs", "start", "--port", String(await freePort()), "--local-protocol", "https", "--persist-to", storage], { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  child.stderr.resume();
  let stdout = "";
  const ended = new Promise((resolve) => child.once("close", resolve));
  await new Promise((resolve, reject) => {
    child.stdout.on("data", (chunk) => (stdout += chunk).includes("Ready on ") && resolve(undefined));
    ended.then(() => reject(new Error(stdout)));
  });
  child.kill("SIGTERM");
  await ended;
  assert.match(stdout, /^Ready on https:\/\/127\.0\.0\.1:\d+$/m);
});
