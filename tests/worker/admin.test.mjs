// `npm run admin`: what an operator does by hand, against the built Worker.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { after, before, test } from "node:test";
import { fromRoot, projectNode } from "../../scripts/lib/paths.mjs";
import { apiKey, startPostern } from "../support/harness.mjs";

/** @type {Awaited<ReturnType<typeof startPostern>>} */
let postern;
before(async () => {
  postern = await startPostern({ secrets: { API_KEYS: apiKey }, gateway: '[origins.app]\nurl = "http://127.0.0.1:9"\n[[rules]]\npath = "/admin/**"\nsession = "required"\n' });
});
after(() => postern?.close());

/** @param {string[]} args @param {Record<string, string>} [env] @returns {Promise<{code: number | null, stdout: string, stderr: string}>} */
function admin(args, env = { POSTERN_API_KEY: apiKey }) {
  const child = spawn(projectNode, [fromRoot("scripts", "admin.mjs"), ...args, "--url", postern.url.origin], { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  const output = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk) => (output.stdout += chunk));
  child.stderr.on("data", (chunk) => (output.stderr += chunk));
  return new Promise((resolve) => child.once("close", (code) => resolve({ code, ...output })));
}

/** @param {string[]} args @returns {Promise<any>} */
async function done(...args) {
  const { code, stdout, stderr } = await admin(args);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}

/** @param {string} userId */
async function login(userId) {
  const body = JSON.stringify({ userId, userDataInJWT: {}, userDataInDatabase: {}, enableAntiCsrf: false });
  const response = await postern.fetch("/core/recipe/session", { method: "POST", headers: { "api-key": apiKey }, body });
  return /** @type {any} */ (await response.json());
}

/** @param {string} token */
const status = async (token) => (await postern.fetch("/auth/session", { headers: { authorization: `Bearer ${token}` } })).status;

test("a user's sessions are shown, ended one by one, and all at once", async () => {
  const user = "Zoë & co";
  const made = [await login(user), await login(user), await login(user)].map(({ session }) => session.handle);
  const { sessions } = await done("sessions", user);
  assert.deepEqual(new Set(sessions.map((/** @type {any} */ { handle }) => handle)), new Set(made));
  assert.deepEqual((await done("end", made[0])).ended, [made[0]]);
  assert.deepEqual(new Set((await done("revoke-all", user)).ended), new Set(made.slice(1)));
  assert.deepEqual((await done("sessions", user)).sessions, []);
});

test("what is stored about a user is given out as lines, and erased", async () => {
  const user = "Erased ü";
  const made = [await login(user), await login(user)].map(({ session }) => session.handle);
  await done("end", made[0]);
  const lines = async () => (await admin(["export", user])).stdout.split("\n").filter(Boolean).map((line) => JSON.parse(line));
  assert.deepEqual((await lines()).map(({ type, session }) => [type, session.handle]), [["session", made[1]], ["ended_session", made[0]]]);
  assert.deepEqual(await done("erase", user), { erased: 1 });
  assert.deepEqual(await lines(), []);
  assert.deepEqual(await done("erase", user), { erased: 0 });
  assert.match((await admin(["export", user, "--issuer", "nobody"])).stderr, /^error: status 400: .*"issuer" must be the id of a trusted issuer/m);
});

test("signing keys are listed, rotated and withdrawn", async () => {
  const { accessToken } = await login("alice");
  const before = (await done("keys")).keys.map((/** @type {any} */ { kid }) => kid);
  const { kid } = JSON.parse(Buffer.from(accessToken.token.split(".")[0], "base64url").toString());
  assert.ok(before.includes(kid));
  const rotated = (await done("rotate-keys")).keys.map((/** @type {any} */ { kid }) => kid);
  assert.equal(rotated.filter((/** @type {string} */ known) => !before.includes(known)).length, 1);
  assert.equal(await status(accessToken.token), 200);
  const left = (await done("withdraw-key", kid)).keys.map((/** @type {any} */ { kid }) => kid);
  assert.ok(!left.includes(kid));
  assert.equal(await status(accessToken.token), 401);
  assert.match((await admin(["withdraw-key", "no-such-key"])).stderr, /^error: status 400: .*"kid" must name a signing key/m);
});

test("a decision of the gateway is explained", async () => {
  const explained = await done("explain", "GET", "http://app.example/admin/x", "--header", "accept: text/html");
  assert.equal(JSON.stringify(explained).includes("/admin/**"), true);
});

test("whatever is wrong is said in one line, and nothing is done", async () => {
  const cases = [
    [["withdraw-key"], /usage: npm run admin -- withdraw-key KID/],
    [["revoke-before", "yesterday"], /yesterday is no time/],
    [["revoke-before", "2999-01-01T00:00:00Z"], /"time" must not lie ahead/],
  ];
  for (const [args, said] of /** @type {[string[], RegExp][]} */ (cases)) {
    const { code, stdout, stderr } = await admin(args);
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(stderr, said);
    assert.match(stderr, /^error: .*\n$/);
  }
  assert.match((await admin(["no-such-command"])).stderr, /^usage: npm run admin/);
  assert.match((await admin(["keys"], { POSTERN_API_KEY: "wrong-key-wrong-key-wrong" })).stderr, /^/);
  assert.match((await admin(["sessions", "alice"], { POSTERN_API_KEY: "wrong-key-wrong-key-wrong" })).stderr, /^error: the API key was refused/);
});

test("the paths behind it need an API key, and know their methods and arguments", async () => {
  const ask = async (/** @type {string} */ path, /** @type {RequestInit} */ init = {}) => (await postern.fetch(`/core/postern/${path}`, init)).status;
  const headers = { "api-key": apiKey };
  for (const path of ["keys/rotate", "keys/withdraw", "revoke-before", "users/erase", "users/export", "nothing"]) {
    assert.equal(await ask(path, { method: "POST" }), 401);
    assert.equal(await ask(path, { method: "POST", headers: { "api-key": "wrong-key-wrong-key-wrong" } }), 401);
  }
  assert.equal(await ask("nothing", { headers }), 404);
  assert.equal(await ask("keys/rotate", { headers }), 405);
  for (const body of ["", "[]", "{", '{"time":1}', '{"time":"2026"}', `{"time":${Date.now() + 60_000}}`, "x".repeat(5_000)]) {
    assert.equal(await ask("revoke-before", { method: "POST", headers, body }), 400, body);
  }
});
