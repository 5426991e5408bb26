// The key ring in a file that is sealed to an operator's key, restored where the ring is lost: sessions go on.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { constants, createCipheriv, createPrivateKey, createPublicKey, generateKeyPairSync, publicEncrypt, randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, test } from "node:test";
import { calculateJwkThumbprint, compactDecrypt, exportJWK, importPKCS8 } from "jose";
import { fromRoot, projectNode } from "../../scripts/lib/paths.mjs";
import { apiKey } from "../support/harness.mjs";
import { startWithCaller } from "../support/rpc.mjs";

/** @typedef {Awaited<ReturnType<typeof startWithCaller>>} Bed */

const folder = mkdtempSync(join(tmpdir(), "postern-backup-"));
/** @type {Bed} */
let bed;
/** @type {string} the name of the key that backups are sealed to */
let thumbprint;
/** @type {Record<string, string>} */
let vars;
/** A key pair in two files. @param {string} name @param {number} [modulusLength] */
function keyPair(name, modulusLength = 2048) {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength });
  const files = { public: join(folder, `${name}-public.pem`), private: join(folder, `${name}-private.pem`) };
  writeFileSync(files.public, publicKey.export({ type: "spki", format: "pem" }));
  writeFileSync(files.private, privateKey.export({ type: "pkcs8", format: "pem" }));
  return files;
}
const key = keyPair("operator");
const other = keyPair("other");
/** RFC 7638, by another library than the product's. @param {string} file */
const thumbprintOf = async (file) => calculateJwkThumbprint(await exportJWK(createPublicKey(readFileSync(file))));

before(async () => {
  thumbprint = await thumbprintOf(key.public);
  vars = { SIGNING_ALGORITHM: "ES256", KEY_BACKUP_KEY: thumbprint };
  bed = await startWithCaller(vars);
});
after(async () => {
  await bed?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** @param {Bed} at @param {string[]} args @param {Record<string, string>} [env] @returns {Promise<{code: number | null, stdout: string, stderr: string}>} */
function admin(at, args, env = {}) {
  const child = spawn(projectNode, [fromRoot("scripts", "admin.mjs"), ...args, "--url", at.url()], { env: { ...process.env, POSTERN_API_KEY: apiKey, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  const output = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk) => (output.stdout += chunk));
  child.stderr.on("data", (chunk) => (output.stderr += chunk));
  return new Promise((resolve) => child.once("close", (code) => resolve({ code, ...output })));
}
/** @param {Bed} at @param {string[]} args @returns {Promise<any>} */
async function done(at, ...args) {
  const { code, stdout, stderr } = await admin(at, args);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}
/** @param {string} name */
async function backedUp(name) {
  const file = join(folder, name);
  return { file, ...(await done(bed, "backup-keys", file, "--key", key.public)) };
}
/** Ends the process, and with it every isolate's copy; the ring's object comes back with nothing. */
async function loseRing() {
  await bed.kill();
  for (const file of bed.objectFiles("KeyRing")) for (const rest of ["", "-wal", "-shm"]) rmSync(file + rest, { force: true });
  await bed.start();
}
/** @param {Bed} at @param {string} userId */
async function login(at, userId) {
  const created = await at.admin("createNewSession", { userId, sessionData: { of: userId } });
  assert.equal(created.status, "OK", JSON.stringify(created));
  return created;
}
/** @param {Bed} at @param {any} session @param {string} [freshness] */
const verdict = async (at, session, freshness = "stateless") => (await at.call("SESSIONS", "getSession", { accessToken: session.accessToken.token, freshness })).status;
/** @param {Bed} at @param {any} session */
const refreshed = (at, session) => at.admin("refreshSession", { refreshToken: session.refreshToken.token });
const kids = async () => (await done(bed, "keys")).keys.map((/** @type {any} */ { kid }) => kid).sort();

test("where the ring is lost and users' objects are not, a restore lets every session go on", async () => {
  const alice = await login(bed, "alice");
  const bound = { userId: "bob", enableAntiCsrf: true, userDataInJWT: {}, userDataInDatabase: {} };
  const bob = (await bed.core("POST", "/recipe/session", bound)).body;
  const before = await kids();
  const { file } = await backedUp("lost.jwe");
  await loseRing();
  const restored = await done(bed, "restore-keys", file, "--key", key.private);
  assert.equal(restored.restored, true);
  assert.deepEqual(await kids(), before);
  for (const freshness of ["stateless", "within 60s", "strict"]) assert.equal(await verdict(bed, alice, freshness), "OK", freshness);
  const { status, sessionData } = await bed.call("SESSIONS", "getSessionData", { handle: alice.session.handle });
  assert.deepEqual([status, sessionData], ["OK", { of: "alice" }]);
  const next = await refreshed(bed, alice);
  assert.equal(next.status, "OK", JSON.stringify(next));
  assert.equal(await verdict(bed, next, "strict"), "OK");
  const body = { refreshToken: bob.refreshToken.token, antiCsrfToken: bob.antiCsrfToken, enableAntiCsrf: true, useDynamicSigningKey: true };
  const answer = await bed.core("POST", "/recipe/session/refresh", body);
  assert.equal(answer.body.status, "OK", JSON.stringify([answer.status, answer.body, bob.antiCsrfToken]));
  assert.equal(await verdict(bed, await login(bed, "alice"), "strict"), "OK");
});

test("on a deployment with storage of its own the tokens verify, and there is nothing to refresh", async () => {
  const alice = await login(bed, "alice");
  const { file } = await backedUp("elsewhere.jwe");
  const empty = await startWithCaller(vars);
  try {
    assert.equal((await done(empty, "restore-keys", file, "--key", key.private)).restored, true);
    assert.equal(await verdict(empty, alice), "OK");
    assert.equal((await refreshed(empty, alice)).status, "UNAUTHORISED");
    assert.equal((await refreshed(empty, await login(empty, "alice"))).status, "OK");
  } finally {
    await empty.close();
  }
});

test("a ring that is in use is given up only with --replace; one that has everything stays as it is", async () => {
  const { file } = await backedUp("replace.jwe");
  const kept = await login(bed, "carol");
  const same = await done(bed, "restore-keys", file, "--key", key.private);
  assert.equal(same.restored, false);
  await loseRing();
  const between = await login(bed, "carol");
  const before = await kids();
  const refused = await admin(bed, ["restore-keys", file, "--key", key.private]);
  assert.match(refused.stderr, /^error: status 400: .*there are other keys: with "replace"/m);
  assert.deepEqual(await kids(), before);
  assert.equal(await verdict(bed, between), "OK");
  assert.equal((await done(bed, "restore-keys", file, "--key", key.private, "--replace")).restored, true);
  assert.equal(await verdict(bed, kept, "strict"), "OK");
  assert.notEqual(await verdict(bed, between), "OK");
  assert.equal((await refreshed(bed, between)).status, "UNAUTHORISED");
});

test("an older backup: what newer keys signed is refused until it is refreshed, and no session ends", async () => {
  const { file } = await backedUp("older.jwe");
  const [old] = await kids();
  await done(bed, "rotate-keys");
  // The newer key signs at once where the older ones are withdrawn.
  const dynamic = (await kids()).filter((/** @type {string} */ kid) => kid.startsWith("d-"));
  for (const kid of dynamic) await done(bed, "withdraw-key", kid);
  const alice = await login(bed, "alice");
  await loseRing();
  assert.equal((await done(bed, "restore-keys", file, "--key", key.private)).restored, true);
  const restored = await kids();
  assert.ok(restored.includes(old), JSON.stringify([old, dynamic, restored]));
  assert.equal(await verdict(bed, alice), "TRY_REFRESH_TOKEN");
  const next = await refreshed(bed, alice);
  assert.equal(next.status, "OK", JSON.stringify(next));
  assert.equal(await verdict(bed, next, "strict"), "OK");
});

test("a ring that cannot be read makes no new keys, and is replaced when that is asked for", async () => {
  const alice = await login(bed, "alice");
  const { file } = await backedUp("unreadable.jwe");
  await bed.kill();
  for (const path of bed.objectFiles("KeyRing")) {
    const database = new DatabaseSync(path);
    if (database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'ring'").get()) database.exec("UPDATE ring SET record = '{}'");
    database.close();
  }
  await bed.start();
  assert.equal((await bed.fetch("/auth/jwt/jwks.json")).status, 503);
  assert.match((await admin(bed, ["restore-keys", file, "--key", key.private])).stderr, /^error: status 503/m);
  assert.equal((await done(bed, "restore-keys", file, "--key", key.private, "--replace")).restored, true);
  assert.equal((await refreshed(bed, alice)).status, "OK");
});

test("the file is a JWE that any library opens with the private key, holds the secrets, and shows none", async () => {
  const { file, sha256, made } = await backedUp("standard.jwe");
  const text = readFileSync(file, "utf8").trim();
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.match(sha256, /^[0-9a-f]{64}$/);
  const { plaintext, protectedHeader } = await compactDecrypt(text, await importPKCS8(readFileSync(key.private, "utf8"), "RSA-OAEP-256"));
  assert.deepEqual({ ...protectedHeader, iat: 0 }, { alg: "RSA-OAEP-256", enc: "A256GCM", typ: "postern-keys", kid: thumbprint, iat: 0 });
  assert.ok(Math.abs(Date.parse(made) - Date.now()) < 600_000, made);
  const { ring } = JSON.parse(new TextDecoder().decode(plaintext));
  assert.equal(Buffer.from(ring.head.secrets.route_key, "base64url").length, 32);
  assert.ok(ring.keys.some((/** @type {any} */ { private_jwk }) => private_jwk));
  for (const part of [text, ...text.split(".").map((part) => Buffer.from(part, "base64url").toString("latin1"))]) {
    assert.ok(!part.includes(ring.head.secrets.route_key) && !part.includes("private_jwk"));
  }
});

test("a private key with a passphrase is opened by it", async () => {
  const { file } = await backedUp("locked.jwe");
  const locked = join(folder, "locked-private.pem");
  const passphrase = "a long passphrase";
  writeFileSync(locked, createPrivateKey(readFileSync(key.private)).export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase }));
  const args = ["restore-keys", file, "--key", locked];
  assert.match((await admin(bed, args)).stderr, /POSTERN_BACKUP_PASSPHRASE does not open it/);
  const opened = await admin(bed, args, { POSTERN_BACKUP_PASSPHRASE: passphrase });
  assert.equal(JSON.parse(opened.stdout).restored, false);
});

test("whatever is damaged, of another key or too late is refused, and nothing is changed", async () => {
  const { file } = await backedUp("whole.jwe");
  const text = readFileSync(file, "utf8").trim();
  await loseRing();
  const alice = await login(bed, "alice");
  const before = await kids();
  const parts = text.split(".");
  const flipped = parts.map((part, at) => {
    const middle = part.length >> 1;
    const changed = part.slice(0, middle) + (part[middle] === "A" ? "B" : "A") + part.slice(middle + 1);
    return parts.with(at, changed).join(".");
  });
  for (const [at, damaged] of [...flipped, text.slice(0, -1), parts.slice(0, 4).join("."), "", "nothing"].entries()) {
    const path = join(folder, `damaged-${at}`);
    writeFileSync(path, damaged);
    const { code, stderr } = await admin(bed, ["restore-keys", path, "--key", key.private, "--replace"]);
    assert.equal(code, 1, String(at));
    assert.match(stderr, /^error: .*\n$/);
  }
  assert.match((await admin(bed, ["restore-keys", file, "--key", other.private, "--replace"])).stderr, /damaged, or sealed to another key/);
  // Sealed to the operator and not to the deployment; and to a key of the deployment's that is gone.
  for (const backup of [text, "", "a.b.c.d.e", 1]) {
    const { status, body } = await bed.core("POST", "/postern/keys/restore", { backup, replace: true });
    assert.equal(status, 400, JSON.stringify(body));
  }
  assert.equal((await bed.core("POST", "/postern/keys/restore", { backup: "x".repeat(1_100_000) })).status, 400);
  assert.deepEqual(await kids(), before);
  assert.equal(await verdict(bed, alice), "OK");
});

test("without the setting there is neither backup nor restore, and the command says what is to be set", async () => {
  const { file } = await backedUp("off.jwe");
  const off = await startWithCaller({ SIGNING_ALGORITHM: "ES256" });
  try {
    for (const path of ["backup", "restore-key", "restore"]) {
      const { status } = await off.core("POST", `/postern/keys/${path}`, { publicKey: createPublicKey(readFileSync(key.public)).export({ format: "jwk" }), backup: "" });
      assert.equal(status, 404, path);
    }
    for (const args of [["backup-keys", join(folder, "off-new.jwe"), "--key", key.public], ["restore-keys", file, "--key", key.private]]) {
      const { code, stderr } = await admin(off, args);
      assert.equal(code, 1);
      assert.match(stderr, new RegExp(`^error: there is no backup .*KEY_BACKUP_KEY = "${thumbprint}".*\n$`));
    }
  } finally {
    await off.close();
  }
});

test("a backup is sealed to the key of the setting and to no other, and a restore takes what names it", async () => {
  const refused = await admin(bed, ["backup-keys", join(folder, "theirs.jwe"), "--key", other.public]);
  const theirs = await thumbprintOf(other.public);
  assert.match(refused.stderr, new RegExp(`^error: status 400: .*"publicKey" is another key than KEY_BACKUP_KEY names.*"${theirs}".*\n$`));
  assert.match(bed.output(), /"operator_api".*is another key than KEY_BACKUP_KEY names/);
  const { file } = await backedUp("named.jwe");
  const [header = "", ...rest] = readFileSync(file, "utf8").trim().split(".");
  const told = JSON.parse(Buffer.from(header, "base64url").toString());
  for (const kid of [theirs, undefined]) {
    const path = join(folder, "renamed.jwe");
    writeFileSync(path, [Buffer.from(JSON.stringify({ ...told, kid })).toString("base64url"), ...rest].join("."));
    const { stderr } = await admin(bed, ["restore-keys", path, "--key", key.private]);
    assert.match(stderr, /^error: status 400: .*names another key than KEY_BACKUP_KEY/);
  }
  assert.equal((await done(bed, "restore-keys", file, "--key", key.private)).restored, false);
});

test("a content key of another length is refused, whoever sealed with it", async () => {
  const { file } = await backedUp("strength.jwe");
  const text = readFileSync(file, "utf8").trim();
  const { plaintext } = await compactDecrypt(text, await importPKCS8(readFileSync(key.private, "utf8"), "RSA-OAEP-256"));
  const [header = ""] = text.split(".");
  const outcomes = [];
  for (const length of [16, 32]) {
    const { publicKey } = (await bed.core("POST", "/postern/keys/restore-key")).body;
    const contentKey = randomBytes(length);
    const nonce = randomBytes(12);
    const cipher = createCipheriv(`aes-${length * 8}-gcm`, contentKey, nonce).setAAD(Buffer.from(header));
    const content = Buffer.concat([cipher.update(plaintext), cipher.final()]);
    const recipient = { key: createPublicKey({ key: publicKey, format: "jwk" }), padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha256" };
    const parts = [publicEncrypt(recipient, contentKey), nonce, content, cipher.getAuthTag()].map((part) => part.toString("base64url"));
    const { status } = await bed.core("POST", "/postern/keys/restore", { backup: [header, ...parts].join(".") });
    outcomes.push([length, status]);
  }
  assert.deepEqual(outcomes, [[16, 400], [32, 200]]);
});

test("the commands say what they lack, write over nothing, and take no private key for a public one", async () => {
  const file = join(folder, "there.jwe");
  writeFileSync(file, "mine");
  const cases = /** @type {[string[], RegExp][]} */ ([
    [["backup-keys", file, "--key", key.public], /there.jwe cannot be written: EEXIST/],
    [["backup-keys", join(folder, "new.jwe")], /--key FILE is needed: the public part/],
    [["backup-keys", join(folder, "new.jwe"), "--key", key.private], /is a private key/],
    [["backup-keys", join(folder, "new.jwe"), "--key", join(folder, "none.pem")], /none.pem cannot be read: ENOENT/],
    [["backup-keys", join(folder, "new.jwe"), "--key", keyPair("short", 1024).public], /"publicKey" must be the JWK of an RSA key of 2048 to 4096 bits/],
    [["restore-keys", join(folder, "none.jwe"), "--key", key.private], /none.jwe cannot be read: ENOENT/],
    [["restore-keys", file, "--key", key.private], /is no backup of a key ring/],
  ]);
  for (const [args, said] of cases) {
    const { code, stdout, stderr } = await admin(bed, args);
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(stderr, said);
  }
  assert.equal(readFileSync(file, "utf8"), "mine");
});

test("both need an API key and POST, and are in the log as what changes keys", async () => {
  for (const path of ["backup", "restore-key", "restore"]) {
    const url = `/core/postern/keys/${path}`;
    assert.equal((await bed.fetch(url, { method: "POST", body: "{}" })).status, 401);
    assert.equal((await bed.fetch(url, { headers: { "api-key": apiKey } })).status, 405);
  }
  const told = () => bed.output().split("\n").filter((line) => line.includes('"signing_keys"')).map((line) => JSON.parse(line.slice(line.indexOf("{"))))
    .map(({ level, reason }) => [level, reason]);
  await loseRing();
  const { file } = await backedUp("logged.jwe");
  await done(bed, "restore-keys", file, "--key", key.private);
  assert.deepEqual(told(), [["warn", "backed_up"]]);
  await loseRing();
  await done(bed, "restore-keys", file, "--key", key.private);
  assert.deepEqual(told(), [["warn", "restored"]]);
});
