// Bytes that Postern did not issue: they reach no object and no KV key, and leave storage as it was (invariants I3, I6).
import assert from "node:assert/strict";
import { createHmac, randomBytes } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import { after, before, test } from "node:test";
import { generateKeyPair, SignJWT } from "jose";

import { startWithCaller } from "../support/rpc.mjs";
import { until } from "../support/until.mjs";

const COUNT = 1_000;
const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";

let postern;
let victim;

before(async () => {
  postern = await startWithCaller();
  victim = await postern.admin("createNewSession", { userId: "victim", jwtPayload: { a: 1 }, sessionData: { kept: true } });
});
after(() => postern?.close());

const sessions = (method, argument) => postern.call("SESSIONS", method, argument);

const letters = (length) => [...randomBytes(length)].map((byte) => ALPHABET[byte % 32]).join("");
/** Another letter at one place. */
const altered = (text, at) => `${text.slice(0, at)}${text[at] === "a" ? "b" : "a"}${text.slice(at + 1)}`;

/** A handle of the right form that was never issued; every kind of alteration, in turn. */
function forgedHandle(number) {
  const { handle } = victim.session;
  const [route, random, tag] = handle.split(".");
  const kinds = [
    () => [letters(route.length), letters(random.length), letters(tag.length)].join("."),
    () => [route, letters(random.length), tag].join("."),
    () => [route, random, letters(tag.length)].join("."),
    () => [letters(route.length), random, tag].join("."),
    () => altered(handle, (number * 7) % handle.length),
    () => `${handle}_tenant`,
    () => handle.slice(0, -1 - (number % 40)),
    () => `${handle}${letters(1 + (number % 5))}`,
    () => handle.toUpperCase(),
    () => `f${handle}`,
    () => randomBytes(number % 200).toString("latin1"),
  ];
  return kinds[number % kinds.length]();
}

/** Every row of every object, and KV's entries. Takes a crash of the process. */
async function everythingStored() {
  const entries = await postern.faults("entries");
  await postern.kill();
  const objects = postern.objectFiles("UserSessions").sort().map((file) => {
    const database = new DatabaseSync(file);
    const tables = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\'").all();
    const rows = tables.map(({ name }) => [name, database.prepare(`SELECT * FROM "${name}"`).all()]);
    database.close();
    return [file, rows];
  });
  await postern.start();
  return { objects, entries };
}

/** Runs `attempt` with every number, some at a time; nothing may have changed, and KV not have been asked. */
async function leavesNoTrace(attempt) {
  await sessions("getSession", { accessToken: victim.accessToken.token, freshness: "strict" });
  const stored = await everythingStored();
  assert.ok(stored.objects.some(([, rows]) => rows.some(([name]) => name === "session")));
  for (let number = 0; number < COUNT; number += 50) {
    await Promise.all(Array.from({ length: 50 }, (_, offset) => attempt(number + offset)));
    assert.deepEqual(await postern.faults("calls"), []);
  }
  assert.deepEqual(await everythingStored(), stored);
}

test("1,000 forged handles", async () => {
  await leavesNoTrace(async (number) => {
    const handle = forgedHandle(number);
    const calls = [
      () => sessions("getSessionData", { handle, freshness: ["strict", "within 60s", "stateless"][number % 3] }),
      () => sessions("updateSessionData", { handle, sessionData: { forged: true } }),
      () => postern.admin("getSessionInformation", { handle }),
      () => postern.admin("updateJWTPayload", { handle, jwtPayload: { forged: true } }),
      () => postern.admin("mergeIntoAccessTokenPayload", { handle, jwtPayload: { forged: true } }),
    ];
    assert.equal((await calls[number % calls.length]()).status, "UNAUTHORISED", handle);
    assert.equal((await postern.admin("revokeSession", { handle })).revoked.length, 0);
  });
});

test("1,000 forged handles over the service API", async () => {
  await leavesNoTrace(async (number) => {
    const sessionHandle = forgedHandle(number);
    const path = "/recipe/session/data";
    const body = { sessionHandle, userDataInDatabase: { forged: true } };
    const answer = await (number % 2 ? postern.core("PUT", path, body) : postern.core("GET", `${path}?sessionHandle=${encodeURIComponent(sessionHandle)}`));
    assert.ok(answer.status === 400 || answer.body.status === "UNAUTHORISED", JSON.stringify(answer.body));
  });
});

test("1,000 forged access tokens", async () => {
  const [header, payload, signature] = victim.accessToken.token.split(".");
  const decode = (part) => JSON.parse(Buffer.from(part, "base64url").toString());
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const { privateKey } = await generateKeyPair("RS256");
  const forgeries = [
    (number) => `${header}.${payload}.${altered(signature, (number * 13) % (signature.length - 2))}`,
    (number) => `${header}.${encode({ ...decode(payload), sub: `user-${number}` })}.${signature}`,
    (number) => `${header}.${encode({ ...decode(payload), sessionHandle: forgedHandle(number) })}.${signature}`,
    (number) => new SignJWT({ ...decode(payload), sessionHandle: forgedHandle(number) }).setProtectedHeader(decode(header)).sign(privateKey),
    (number) => `${encode({ ...decode(header), kid: `s-${number}` })}.${payload}.${signature}`,
    () => `${encode({ ...decode(header), alg: "none" })}.${payload}.`,
    () => {
      const input = `${encode({ ...decode(header), alg: "HS256" })}.${payload}`;
      return `${input}.${createHmac("sha256", "secret").update(input).digest("base64url")}`;
    },
    (number) => victim.accessToken.token.slice(0, -1 - number % 300),
    (number) => randomBytes(1 + (number % 300)).toString("base64url"),
  ];
  await leavesNoTrace(async (number) => {
    const accessToken = await forgeries[number % forgeries.length](number);
    const { status } = await sessions("getSession", { accessToken, freshness: "strict" });
    assert.equal(status, "TRY_REFRESH_TOKEN", accessToken);
    const response = await postern.fetch("/auth/session", { headers: { authorization: `Bearer ${accessToken}` } });
    await response.text();
    assert.equal(response.status, 401);
    if (number % 10 === 0) assert.equal((await postern.admin("regenerateAccessToken", { accessToken, jwtPayload: { forged: true } })).status, "TRY_REFRESH_TOKEN");
  });
});

test("1,000 forged refresh tokens: no object, no KV key, and the victim's session is not ended", async () => {
  const { token } = victim.refreshToken;
  await leavesNoTrace(async (number) => {
    const forged = [
      () => altered(token, (number * 11) % token.length),
      () => token.slice(0, -1 - (number % 60)),
      () => token.replace(victim.session.handle, forgedHandle(number)),
      () => `${token}${letters(1)}`,
      () => letters(100),
    ][number % 5]();
    assert.equal((await postern.admin("refreshSession", { refreshToken: forged })).status, "UNAUTHORISED", forged);
  });
  assert.equal((await sessions("getSession", { accessToken: victim.accessToken.token, freshness: "strict" })).status, "OK");
  assert.equal((await postern.admin("refreshSession", { refreshToken: token })).status, "OK");
});

test("questions about users and sessions that are unknown or gone make no object and store nothing", async () => {
  const { session } = await postern.admin("createNewSession", { userId: "victim", sessionData: { a: 1 } });
  await postern.admin("revokeSession", { handle: session.handle });
  await until("its copy is deleted", async () => !(session.handle in (await postern.faults("entries"))));
  await leavesNoTrace(async (number) => {
    const { handle } = session;
    const calls = [
      () => sessions("getSessionData", { handle, freshness: "strict" }),
      () => sessions("getSessionData", { handle, freshness: "within 60s" }),
      () => sessions("updateSessionData", { handle, sessionData: {} }),
    ];
    assert.equal((await calls[number % calls.length]()).status, "UNAUTHORISED");
  });
});
