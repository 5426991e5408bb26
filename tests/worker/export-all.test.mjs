// `npm run admin -- export-all`: everything that is stored about everybody, from the list of objects that `wrangler dev` gives here, and
// behind an account's API from a server that asks for a token and gives it in small pages.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { SignJWT, exportJWK, generateKeyPair } from "jose";

import { fromRoot, projectNode } from "../../scripts/lib/paths.mjs";
import { apiKey, startPostern } from "../support/harness.mjs";

const USERS = 300;
const CLOUDFLARE = { CLOUDFLARE_API_TOKEN: "a-token-of-nobody", CLOUDFLARE_ACCOUNT_ID: "0".repeat(32) };
/** How many objects the command may ask at a time. */
const AT_A_TIME = 6;

/** @type {any} */
let postern;
/** @type {any} */
let admin;
/** Handle to type of record. @type {Map<string, string>} */
const stored = new Map();
/** What stands before Postern, and what it makes of a question about an object. */
const front = { url: new URL("http://127.0.0.1"), questions: 0, atOnce: 0, most: 0, pages: 0, refuse: (/** @type {number} */ _question) => false, onQuestion: (/** @type {number} */ _question) => {} };
const directory = mkdtempSync(join(tmpdir(), "postern-export-"));

const server = createServer(async (request, response) => {
  const target = request.url ?? "";
  const account = `/client/v4/accounts/${CLOUDFLARE.CLOUDFLARE_ACCOUNT_ID}`;
  const answer = (/** @type {number} */ status, /** @type {string} */ text) => void response.writeHead(status, { "content-type": "application/json" }).end(text);
  if (target.startsWith("/client/")) {
    if (!target.startsWith(account) || request.headers.authorization !== `Bearer ${CLOUDFLARE.CLOUDFLARE_API_TOKEN}`) return answer(403, '{"success":false,"errors":[{"code":10000,"message":"Authentication error"}]}');
    const url = new URL(`/cdn-cgi/explorer/api${target.slice(account.length)}`, postern.url);
    if (url.pathname.endsWith("/objects")) {
      front.pages++;
      url.searchParams.set("limit", "70");
    }
    return answer(200, await (await fetch(url)).text());
  }
  if (target.startsWith("/core/postern/users/export")) {
    const question = ++front.questions;
    front.onQuestion(question);
    if (front.refuse(question)) return answer(429, "no more");
    front.most = Math.max(front.most, ++front.atOnce);
    const given = await fetch(new URL(target, postern.url), { headers: { "api-key": String(request.headers["api-key"]) } });
    const text = await given.text();
    front.atOnce--;
    return answer(given.status, text);
  }
  const given = await fetch(new URL(target, postern.url));
  answer(given.status, await given.text());
});

before(async () => {
  const { publicKey, privateKey } = await generateKeyPair("ES256", { extractable: true });
  const issuer = { id: "partner", issuer: "https://partner.example", audience: ["api"], algorithms: ["ES256"], handle_claim: "sub", jwks: { keys: [{ ...(await exportJWK(publicKey)), kid: "k", alg: "ES256" }] } };
  postern = await startPostern({ vars: { TRUSTED_ISSUERS: [issuer] }, secrets: { API_KEYS: apiKey }, entrypoints: ["SessionsAdmin"] });
  admin = postern.entrypoint("SessionsAdmin");
  const make = async (/** @type {string} */ userId, sessionData = {}) => {
    const body = JSON.stringify({ userId, userDataInJWT: {}, userDataInDatabase: sessionData, enableAntiCsrf: false });
    const answer = await fetch(new URL("/core/recipe/session", postern.url), { method: "POST", headers: { "api-key": apiKey }, body });
    const { session } = /** @type {any} */ (await answer.json());
    stored.set(session.handle, "session");
    return session.handle;
  };
  for (let at = 0; at < USERS; at += 20) await Promise.all(Array.from({ length: 20 }, (_, more) => make(`user ${at + more} ü`, { at: at + more })));
  // Of one user more than fits into one answer; of another only what has ended; of a third nothing any more.
  const text = "x".repeat(90_000);
  for (let at = 0; at < 14; at++) await make("hoarder", { text });
  const over = await make("gone");
  await admin.revokeSession({ handle: over });
  stored.set(over, "ended_session");
  stored.delete(await make("erased"));
  await admin.eraseUser({ userId: "erased" });
  const token = await new SignJWT({}).setProtectedHeader({ alg: "ES256", kid: "k" }).setIssuer("https://partner.example").setAudience("api").setSubject("theirs").setIssuedAt().setExpirationTime("1h").sign(privateKey);
  const { session } = await postern.rpc.getSession({ accessToken: token });
  assert.equal((await postern.rpc.updateSessionData({ handle: session.handle, sessionData: { cart: [1] } })).status, "OK");
  stored.set(session.handle, "issuer_session");
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const address = server.address();
  front.url = new URL(`http://127.0.0.1:${typeof address === "object" && address?.port}`);
});
beforeEach(() => void Object.assign(front, { questions: 0, atOnce: 0, most: 0, pages: 0, refuse: () => false, onQuestion: () => {} }));
after(async () => {
  server.close();
  rmSync(directory, { recursive: true, force: true });
  await postern?.close();
});

/** The command, against the server in front, or against Postern itself. @param {string[]} args @param {{env?: Record<string, string>, url?: string, whenRunning?: (child: import("node:child_process").ChildProcess) => void}} [options] */
function exportAll(args, { env = {}, url = front.url.origin, whenRunning } = {}) {
  const { CLOUDFLARE_API_TOKEN: _token, CLOUDFLARE_ACCOUNT_ID: _account, ...clean } = process.env;
  const child = spawn(projectNode, [fromRoot("scripts", "admin.mjs"), "export-all", ...args, "--url", url], { env: { ...clean, POSTERN_API_KEY: apiKey, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  whenRunning?.(child);
  const output = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (chunk) => (output.stdout += chunk));
  child.stderr.on("data", (chunk) => (output.stderr += chunk));
  return /** @type {Promise<{code: number | null, stdout: string, stderr: string}>} */ (new Promise((resolve) => child.once("close", (code) => resolve({ code, ...output }))));
}

/** Fails unless the lines hold every session once, whole. @param {string} text */
function isWhole(text) {
  const records = text.split("\n").filter(Boolean).map((line) => JSON.parse(line));
  assert.equal(records.length, stored.size);
  assert.deepEqual(new Map(records.map(({ type, session }) => [session.handle, type])), stored);
  for (const { type, session, sessionData } of records) {
    if (session.userId === "hoarder") assert.equal(sessionData.text.length, 90_000);
    else if (type === "session") assert.equal(session.userId, `user ${sessionData.at} ü`);
    // Of whom a trusted issuer's session is, only a digest is stored.
    if (type === "issuer_session") assert.deepEqual([session.issuer, session.userId, sessionData], ["partner", undefined, { cart: [1] }]);
  }
}

test("everything about everybody is written, each session once, and never more than a few answers are waited for", async () => {
  const { code, stdout, stderr } = await exportAll([]);
  assert.equal(code, 0, stderr);
  isWhole(stdout);
  assert.match(stderr, new RegExp(`^${stored.size} records of ${USERS + 3} users$`, "m"));
  assert.ok(front.most > 1 && front.most <= AT_A_TIME, `${front.most} at a time`);
});

test("what breaks off says where to go on, and goes on there; within the records of one user, too", async () => {
  let text = "";
  let after = [];
  let parts = 0;
  for (const most of [40, 90, 150, Infinity]) {
    front.questions = 0;
    front.refuse = (question) => question > most;
    const { code, stdout, stderr } = await exportAll(after);
    text += stdout;
    parts++;
    if (code === 0) break;
    const said = stderr.match(/^broken off: go on with --after (\S+)$/m);
    assert.ok(said, stderr);
    after = ["--after", said[1] ?? ""];
  }
  assert.ok(parts > 3, `${parts} parts`);
  isWhole(text);
  // The hoarder's two answers, with an end between them.
  const ids = await postern.objectIds("UserSessions");
  const cursors = [];
  for (const id of ids) {
    const page = /** @type {any} */ (await (await fetch(new URL(`/core/postern/users/export?object=${id}`, postern.url), { headers: { "api-key": apiKey } })).json());
    if (page.cursor) cursors.push([id, page]);
  }
  assert.equal(cursors.length, 1);
  const [[id, page]] = /** @type {any} */ (cursors);
  front.refuse = () => false;
  const position = Buffer.from(JSON.stringify([null, id, page.cursor])).toString("base64url");
  const rest = (await exportAll(["--after", position])).stdout.split("\n").filter(Boolean).map((line) => JSON.parse(line));
  const own = rest.filter(({ session }) => session.userId === "hoarder").map(({ session }) => session.handle);
  assert.equal(own.length + page.records.length, 14);
  assert.ok(own.length > 0 && page.records.every((/** @type {any} */ record) => !own.includes(record.session.handle)));
  assert.equal(rest[0].session.userId, "hoarder");
});

test("a file knows how far it is when the command is killed, and the same command goes on; a file that is whole is never written over", async () => {
  const file = join(directory, "killed.jsonl");
  for (const at of [60, 80]) {
    front.questions = 0;
    const { code } = await exportAll([file], { whenRunning: (child) => (front.onQuestion = (question) => void (question === at && child.kill("SIGKILL"))) });
    assert.equal(code, null);
    assert.ok(existsSync(`${file}.position`));
    // As if it had died while it wrote a line.
    writeFileSync(file, '{"type":"session","sess', { flag: "a" });
  }
  front.onQuestion = () => {};
  const { code, stderr } = await exportAll([file]);
  assert.equal(code, 0, stderr);
  isWhole(readFileSync(file, "utf8"));
  assert.ok(!existsSync(`${file}.position`));
  const again = await exportAll([file]);
  assert.deepEqual([again.code, again.stderr], [1, `error: ${file} exists already: name another file\n`]);
  isWhole(readFileSync(file, "utf8"));
});

test("of a deployment the ids come from the account's API, page by page, and the token of the account goes nowhere else", async () => {
  // No address of this machine by name, so that it passes for a deployment.
  const url = `http://0.0.0.0:${front.url.port}`;
  const env = { ...CLOUDFLARE, CLOUDFLARE_API_BASE_URL: `${front.url.origin}/client/v4` };
  const { code, stdout, stderr } = await exportAll([], { env, url });
  assert.equal(code, 0, stderr);
  isWhole(stdout);
  assert.equal(front.pages, Math.ceil((USERS + 5) / 70));
  front.questions = 0;
  front.refuse = (question) => question > 200;
  const broken = await exportAll([], { env, url });
  const [, position = ""] = broken.stderr.match(/--after (\S+)$/m) ?? [];
  front.refuse = () => false;
  const rest = await exportAll(["--after", position], { env, url });
  isWhole(broken.stdout + rest.stdout);
  for (const [more, said] of /** @type {[Record<string, string>, RegExp][]} */ ([
    [{ CLOUDFLARE_API_TOKEN: "" }, /set CLOUDFLARE_API_TOKEN/],
    [{ CLOUDFLARE_ACCOUNT_ID: "" }, /set CLOUDFLARE_ACCOUNT_ID/i],
    [{ CLOUDFLARE_API_TOKEN: "another" }, /status 403, Authentication error/],
  ])) {
    const refused = await exportAll([], { env: { ...env, ...more }, url });
    assert.deepEqual([refused.code, refused.stdout], [1, ""]);
    assert.match(refused.stderr, said);
  }
});

test("an id of no user's object is refused, one of an object that holds nothing gives nothing and leaves it so", async () => {
  const ask = (/** @type {string} */ query, headers = { "api-key": apiKey }) => postern.fetch(`/core/postern/users/export?${query}`, { headers });
  const [keyRing] = await postern.objectIds("KeyRing");
  const before = await postern.objectIds("UserSessions");
  const some = before[0];
  for (const query of ["object=", "object=x", `object=${"0".repeat(64)}`, `object=${keyRing}`, `object=${some}x`, `object=${some}&userId=alice`, `object=${some}&issuer=partner`, `object=${some}&tenantId=t`, `object=${some}&cursor=live.x`]) {
    const refused = await ask(query);
    assert.equal(refused.status, 400, query);
    assert.match(await refused.text(), /\\"(object|cursor)\\"/);
  }
  assert.equal((await ask(`object=${some}`, { "api-key": "wrong-key-wrong-key-wrong" })).status, 401);
  const nobody = (await postern.namespace("USER_SESSIONS")).idFromName("nobody").toString();
  assert.deepEqual(await (await ask(`object=${nobody}`)).json(), { status: "OK", records: [] });
  const tables = await postern.sql("UserSessions", { id: nobody }, "SELECT count(*) AS tables FROM sqlite_master WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'");
  assert.equal(JSON.stringify(tables).includes('"tables":0') || tables[0]?.tables === 0, true, JSON.stringify(tables));
});

test("arguments that make no sense are refused before anything is asked", async () => {
  for (const [args, said] of /** @type {[string[], RegExp][]} */ ([
    [["--after", "x"], /--after wants what an export said/],
    [["a", "b"], /usage: npm run admin -- export-all \[FILE\]/],
  ])) {
    const { code, stdout, stderr } = await exportAll(args);
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(stderr, said);
  }
  assert.equal(front.questions, 0);
});
