// The key ring sealed at rest: what its storage shows, how the sealing key is changed, and that a ring that cannot be opened is left as
// it is.
import assert from "node:assert/strict";
import { constants, createDecipheriv, generateKeyPairSync, privateDecrypt, publicEncrypt, randomBytes } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { calculateJwkThumbprint } from "jose";
import { startWithCaller } from "../support/rpc.mjs";

const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const backupKey = publicKey.export({ format: "jwk" });
const [one, two, three] = [0, 1, 2].map(() => randomBytes(32).toString("base64url"));

/** @type {Awaited<ReturnType<typeof startWithCaller>>} */
let bed;
/** @type {Record<string, string>} */
let vars;
before(async () => {
  vars = { SIGNING_ALGORITHM: "ES256", KEY_BACKUP_KEY: await calculateJwkThumbprint(backupKey) };
  bed = await startWithCaller({ ...vars, KEY_ENCRYPTION_KEYS: `${one},${two},${three}` });
});
after(() => bed?.close());

/** Ends the process and starts it with these keys. @param {string} keys @param {() => void} [meanwhile] */
async function deploy(keys, meanwhile) {
  await bed.kill();
  meanwhile?.();
  await bed.start({ varsOf: { postern: { KEY_ENCRYPTION_KEYS: keys } } });
}
/** Has the ring sealed with this key, whatever it was sealed with. @param {string} key */
async function sealedWith(key) {
  await deploy([key, one, two, three].join());
  assert.equal(await jwks(), 200);
}
/** @param {(database: DatabaseSync) => void} look */
function inRing(look) {
  for (const file of bed.objectFiles("KeyRing")) {
    const database = new DatabaseSync(file);
    try {
      if (database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'ring'").get()) look(database);
    } finally {
      database.close();
    }
  }
}
const QUERY = "SELECT 'head' AS name, record FROM ring UNION ALL SELECT kid, record FROM signing_keys UNION ALL SELECT kid, record FROM assertion_keys ORDER BY name";
/** Every record, while the process is dead. */
function records() {
  /** @type {{name: string, record: string}[]} */
  const found = [];
  inRing((database) => found.push(.../** @type {any} */ (database.prepare(QUERY).all())));
  assert.ok(found.length >= 3, "there is a ring");
  return found.map(({ name, record }) => ({ name, record, ...JSON.parse(record) }));
}
/** The names of the keys that records are sealed with; undefined of those in the clear. */
const sealers = () => [...new Set(records().map(({ schema, key, content }) => (schema === 3 && content ? key : undefined)))];
/** Ends the process, asks, and starts it again with the same keys. @template T @param {() => T} ask @returns {Promise<T>} */
async function stored(ask) {
  await bed.kill();
  const answer = ask();
  await bed.start();
  return answer;
}
const jwks = async () => (await bed.fetch("/auth/jwt/jwks.json")).status;
/** @param {string} userId */
async function login(userId) {
  const created = await bed.admin("createNewSession", { userId, sessionData: { of: userId } });
  assert.equal(created.status, "OK", JSON.stringify(created));
  return created;
}
/** The session after one more refresh. @param {any} session */
async function goesOn(session) {
  assert.equal((await bed.call("SESSIONS", "getSession", { accessToken: session.accessToken.token, freshness: "strict" })).status, "OK");
  assert.equal((await bed.call("SESSIONS", "getSessionData", { handle: session.session.handle })).status, "OK");
  const next = await bed.admin("refreshSession", { refreshToken: session.refreshToken.token });
  assert.equal(next.status, "OK", JSON.stringify(next));
  return { ...next, session: session.session };
}
async function isRefused() {
  assert.equal((await bed.fetch("/auth/readyz")).status, 503);
  assert.equal(await jwks(), 503);
  assert.equal((await bed.admin("createNewSession", { userId: "eve" })).status, "GENERAL_ERROR");
  assert.equal((await bed.core("POST", "/postern/keys/rotate", {})).status, 503);
}
const complaint = /"event":"bad_setting","(?:[^}]*,")?setting":"KEY_ENCRYPTION_KEYS","message":"lacks the key/;

test("a ring in the clear is sealed at its next use, and no secret of it is in storage any more", async () => {
  await sealedWith("none");
  const alice = await login("alice");
  await bed.kill();
  const clear = records();
  const head = clear.find(({ name }) => name === "head");
  const secrets = [
    head.secrets.route_key, head.secrets.handle_tag_key, head.secrets.anti_csrf_key, head.secrets.refresh_secrets[0].key,
    ...clear.flatMap(({ private_jwk }) => private_jwk ?? []),
  ];
  assert.ok(secrets.length >= 6 && secrets.every((secret) => secret.length >= 43));
  await bed.start({ varsOf: { postern: { KEY_ENCRYPTION_KEYS: one } } });
  let next = await goesOn(alice);
  await bed.kill();
  const sealed = records();
  assert.deepEqual(sealed.map(({ name }) => name), clear.map(({ name }) => name));
  for (const record of sealed) {
    assert.deepEqual(Object.keys(JSON.parse(record.record)), ["schema", "key", "nonce", "content"]);
    for (const secret of secrets) assert.ok(!record.record.includes(secret));
  }
  assert.equal(new Set(sealed.map(({ nonce }) => nonce)).size, sealed.length, "no nonce twice");
  // Another implementation opens it with the key, the object's id and the record's name, and finds what was there.
  const record = sealed.find(({ name }) => name.startsWith("d-"));
  const id = bed.objectFiles("KeyRing").map((file) => file.match(/([0-9a-f]{64})\.sqlite$/)?.[1]);
  const content = Buffer.from(record.content, "base64url");
  const opened = id.flatMap((object) => {
    const decipher = createDecipheriv("aes-256-gcm", Buffer.from(one, "base64url"), Buffer.from(record.nonce, "base64url"));
    decipher.setAAD(Buffer.from(`postern key ring\n${object}\n${record.name}`)).setAuthTag(content.subarray(-16));
    try {
      return [JSON.parse(Buffer.concat([decipher.update(content.subarray(0, -16)), decipher.final()]).toString())];
    } catch {
      return [];
    }
  });
  assert.deepEqual(opened.map(({ kid, private_jwk }) => [kid, private_jwk]), clear.filter(({ name }) => name === record.name).map(({ kid, private_jwk }) => [kid, private_jwk]));
  // A restart, and changes of the ring.
  await bed.start();
  next = await goesOn(next);
  assert.equal((await bed.admin("rotateSigningKeys", {})).status, "OK");
  assert.equal((await bed.admin("rotateSecrets", {})).status, "OK");
  await goesOn(next);
  const [{ length }, names] = await stored(() => [records(), sealers()]);
  assert.ok(length > clear.length);
  assert.equal(names.length, 1);
  assert.ok(names[0]);
});

test("the sealing key is changed with overlap: the first of the list seals, each opens", async () => {
  await sealedWith(one);
  const session = await login("bob");
  const [first] = await stored(sealers);
  // The new key is known before it seals, so that the release before can go on.
  await deploy(`${one},${two}`);
  let next = await goesOn(session);
  assert.deepEqual(await stored(sealers), [first]);
  await deploy(`${two},${one}`);
  next = await goesOn(next);
  const names = await stored(sealers);
  assert.equal(names.length, 1);
  assert.notEqual(names[0], first);
  await deploy(two);
  await goesOn(next);
});

test("without the key nobody is served, the log names the setting, and nothing is changed", async () => {
  await sealedWith(two);
  const session = await login("carol");
  await bed.kill();
  const before = records();
  for (const keys of [three, "none", ""]) {
    await bed.start({ varsOf: { postern: { KEY_ENCRYPTION_KEYS: keys } } });
    await isRefused();
    assert.match(bed.output(), complaint);
    await bed.kill();
    assert.deepEqual(records(), before, keys);
  }
  await bed.start({ varsOf: { postern: { KEY_ENCRYPTION_KEYS: `${three},${two}` } } });
  await goesOn(session);
});

test("`none` as the first goes back to the clear, and a later release without the setting reads it", async () => {
  await sealedWith(two);
  let next = await login("dave");
  await deploy(`none,${two}`);
  next = await goesOn(next);
  assert.deepEqual(await stored(sealers), [undefined]);
  await deploy("");
  await goesOn(next);
});

test("a record of another name, or one that was changed, is refused, and nothing is made in its place", async () => {
  await sealedWith("none");
  await login("erin");
  await bed.kill();
  const clear = records();
  await sealedWith(one);
  await login("erin");
  await bed.kill();
  const before = records();
  const [dynamic, other] = before.filter(({ name }) => /^[ads]-/.test(name));
  const { content } = dynamic;
  const flipped = dynamic.record.replace(content, (content.startsWith("A") ? "B" : "A") + content.slice(1));
  const write = (/** @type {string} */ kid, /** @type {string} */ record) =>
    inRing((database) => ["signing_keys", "assertion_keys"].forEach((table) => database.prepare(`UPDATE ${table} SET record = ? WHERE kid = ?`).run(record, kid)));
  const inTheClear = clear.find(({ name }) => name === dynamic.name)?.record ?? "";
  assert.match(inTheClear, /private/);
  for (const record of [other.record, flipped, inTheClear]) {
    write(dynamic.name, record);
    await bed.start();
    await isRefused();
    assert.match(bed.output(), /"event":"key_ring".*a record of the key ring is damaged, or one of another ring/);
    await bed.kill();
    assert.equal(records().find(({ name }) => name === dynamic.name)?.record, record);
  }
  write(dynamic.name, dynamic.record);
  assert.deepEqual(records(), before);
  await bed.start();
  await login("erin");
});

test("a ring that a release to come has sealed in its own way is left alone", async () => {
  await sealedWith(one);
  await login("future");
  await bed.kill();
  const before = records();
  const head = before.find(({ name }) => name === "head")?.record ?? "";
  const write = (/** @type {string} */ record) => inRing((database) => database.prepare("UPDATE ring SET record = ?").run(record));
  write(head.replace('"schema":3', '"schema":4'));
  const changed = records();
  await bed.start();
  await isRefused();
  assert.deepEqual(await stored(records), changed);
  await bed.kill();
  write(head);
  await bed.start();
  await login("future");
});

test("ended at any moment of sealing anew, the ring is wholly sealed with one of both keys", async () => {
  await sealedWith(one);
  let session = await login("frank");
  const seen = new Set(await stored(sealers));
  for (let round = 0; round < 8; round += 1) {
    await deploy(round % 2 ? `${one},${two}` : `${two},${one}`);
    const asked = jwks().catch(() => 0);
    await sleep(round * 4);
    await bed.kill();
    await asked;
    const names = sealers();
    assert.equal(names.length, 1, "never a part of it");
    seen.add(names[0]);
    await bed.start();
    session = await goesOn(session);
  }
  assert.equal(seen.size, 2);
});

/** The backup as a restore wants it: its content key wrapped anew. @param {string} backup */
async function restored(backup, replace = false) {
  const [header, wrapped = "", ...rest] = backup.split(".");
  const oaep = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha256" };
  const contentKey = privateDecrypt({ key: privateKey, ...oaep }, Buffer.from(wrapped, "base64url"));
  const { publicKey: jwk } = (await bed.core("POST", "/postern/keys/restore-key")).body;
  const anew = publicEncrypt({ key: /** @type {any} */ (jwk), format: "jwk", ...oaep }, contentKey).toString("base64url");
  return bed.core("POST", "/postern/keys/restore", { backup: [header, anew, ...rest].join("."), replace });
}

test("a backup has the ring whatever seals it, and is restored over a ring whose key is lost; only with `replace`", async () => {
  await sealedWith(one);
  const session = await login("grace");
  const { status, body } = await bed.core("POST", "/postern/keys/backup", { publicKey: { kty: "RSA", n: backupKey.n, e: backupKey.e } });
  assert.equal(status, 200, JSON.stringify(body));
  await bed.kill();
  const before = records();
  await bed.start({ varsOf: { postern: { KEY_ENCRYPTION_KEYS: three } } });
  assert.equal((await restored(body.backup)).status, 503);
  assert.deepEqual(await stored(records), before);
  assert.deepEqual((await restored(body.backup, true)).body.restored, true);
  await goesOn(session);
  const names = await stored(sealers);
  assert.equal(names.length, 1);
  assert.notEqual(names[0], before[0]?.key);
});
