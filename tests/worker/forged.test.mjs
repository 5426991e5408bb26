// Bytes that Postern did not issue: they reach no object and no KV key, and leave storage as it was (invariants I3, I6).
import assert from "node:assert/strict";
import { createHmac, randomBytes } from "node:crypto";
import { after, before, test } from "node:test";
import { generateKeyPair, SignJWT } from "jose";

import { apiKey, startPostern } from "../support/harness.mjs";

const COUNT = 1_000;
const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";

let postern;
let admin;
let victim;
let victimRoute;

before(async () => {
  postern = await startPostern({ faultyKv: true, entrypoints: ["SessionsAdmin"], secrets: { API_KEYS: apiKey } });
  admin = postern.entrypoint("SessionsAdmin");
  victim = await admin.createNewSession({ userId: "victim", jwtPayload: { a: 1 }, sessionData: { kept: true } });
  victimRoute = { name: victim.session.handle.split(".")[0] };
});
after(() => postern?.close());

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

async function everythingStored() {
  const objects = (await postern.objectIds("UserSessions")).sort();
  const tables = ["session", "foreign_session", "session_data", "outbox"];
  const rows = await Promise.all(tables.map((table) => postern.sql("UserSessions", victimRoute, `SELECT * FROM ${table}`)));
  return JSON.stringify({ objects, rows, entries: await postern.faults.entries(), rings: await postern.objectIds("KeyRing") });
}

/** Runs `attempt` with every number, some at a time; nothing may have changed, and KV not have been asked. */
async function leavesNoTrace(attempt) {
  await admin.getSession({ accessToken: victim.accessToken.token, freshness: "strict" });
  const [stored, calls] = [await everythingStored(), (await postern.faults.calls()).length];
  for (let number = 0; number < COUNT; number += 50) {
    await Promise.all(Array.from({ length: 50 }, (_, offset) => attempt(number + offset)));
    assert.equal((await postern.faults.calls()).length, calls); // often: the list is in the memory of an object
  }
  assert.equal(await everythingStored(), stored);
}

test("1,000 forged handles", async () => {
  await leavesNoTrace(async (number) => {
    const handle = forgedHandle(number);
    const calls = [
      () => postern.rpc.getSessionData({ handle, freshness: ["strict", "within 60s", "stateless"][number % 3] }),
      () => postern.rpc.updateSessionData({ handle, sessionData: { forged: true } }),
      () => admin.getSessionInformation({ handle }),
      () => admin.updateJWTPayload({ handle, jwtPayload: { forged: true } }),
      () => admin.mergeIntoAccessTokenPayload({ handle, jwtPayload: { forged: true } }),
    ];
    assert.equal((await calls[number % calls.length]()).status, "UNAUTHORISED", handle);
    assert.equal((await admin.revokeSession({ handle })).revoked.length, 0);
  });
});

test("1,000 forged handles over the service API", async () => {
  const headers = { "api-key": apiKey, "content-type": "application/json" };
  await leavesNoTrace(async (number) => {
    const sessionHandle = forgedHandle(number);
    const path = `/core/recipe/session/data${number % 2 ? "" : `?sessionHandle=${encodeURIComponent(sessionHandle)}`}`;
    const body = JSON.stringify({ sessionHandle, userDataInDatabase: { forged: true } });
    const response = await postern.fetch(path, number % 2 ? { method: "PUT", headers, body } : { headers });
    const answer = await response.text();
    assert.ok(response.status === 400 || JSON.parse(answer).status === "UNAUTHORISED", answer);
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
    const { status } = await postern.rpc.getSession({ accessToken, freshness: "strict" });
    assert.equal(status, "TRY_REFRESH_TOKEN", accessToken);
    const response = await postern.fetch("/auth/session", { headers: { authorization: `Bearer ${accessToken}` } });
    await response.text();
    assert.equal(response.status, 401);
    if (number % 10 === 0) assert.equal((await admin.regenerateAccessToken({ accessToken, jwtPayload: { forged: true } })).status, "TRY_REFRESH_TOKEN");
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
    assert.equal((await admin.refreshSession({ refreshToken: forged })).status, "UNAUTHORISED", forged);
  });
  assert.equal((await postern.rpc.getSession({ accessToken: victim.accessToken.token, freshness: "strict" })).status, "OK");
  assert.equal((await admin.refreshSession({ refreshToken: token })).status, "OK");
});

test("reading a handle that was good leaves an object that holds nothing holding nothing", async () => {
  const { session } = await admin.createNewSession({ userId: "gone" });
  const objects = (await postern.objectIds("UserSessions")).length;
  const { session: other } = await admin.createNewSession({ userId: "victim" });
  await admin.revokeSession({ handle: other.handle });
  for (const freshness of ["strict", "within 60s"]) {
    assert.equal((await postern.rpc.getSessionData({ handle: other.handle, freshness })).status, "UNAUTHORISED");
  }
  assert.equal((await admin.getAllSessionHandlesForUser({ userId: "never seen" })).handles.length, 0);
  assert.equal((await admin.revokeAllSessionsForUser({ userId: "never seen either" })).revoked.length, 0);
  assert.equal((await postern.objectIds("UserSessions")).length, objects);
  assert.equal((await postern.rpc.getSessionData({ handle: session.handle })).status, "OK");
});
