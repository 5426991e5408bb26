// The Postern in memory keeps the contract of the real one; what only tests need works as described.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { before, test } from "node:test";

import * as postern from "postern";
import { memoryPostern } from "postern/testing";
import { LIMIT, boundContract, contract } from "../../tests/support/client-contract.mjs";

const memory = memoryPostern({ maxSessionData: LIMIT });
before(() => postern.init({ binding: memory.binding, adminBinding: memory.adminBinding }));
contract("memory", (name, ...args) => postern[name](...args));
boundContract("memory", (name, ...args) => postern[name](...args));

test("time passes when a test says so, and keys are withdrawn", async () => {
  const own = memoryPostern({ accessTokenValidity: 1_000, refreshTokenValidity: 5_000 });
  postern.init({ binding: own.binding, adminBinding: own.adminBinding });
  const { session, accessToken, refreshToken } = await postern.createNewSession("alice");
  own.advance(1_001);
  await assert.rejects(postern.getSession(accessToken.token), { errType: postern.Error.TRY_REFRESH_TOKEN });
  const refreshed = await postern.refreshSession(refreshToken.token);
  await postern.rotateSigningKeys();
  await postern.revokeSigningKey(own.kids()[0]);
  await assert.rejects(postern.getSession(refreshed.accessToken.token), { errType: postern.Error.TRY_REFRESH_TOKEN });
  await assert.rejects(postern.revokeSigningKey("unknown"), TypeError);
  const { from, until } = await postern.rotateSecrets();
  assert.equal(until - from, 5_000);
  own.advance(5_001);
  await assert.rejects(postern.getSessionData(session.handle), { errType: postern.Error.UNAUTHORISED });
  postern.init({ binding: memory.binding, adminBinding: memory.adminBinding });
});

test("a login route gets headers to append, and two Posterns share nothing", async () => {
  const request = new Request("https://app.example/login", { method: "POST", headers: { "st-auth-mode": "cookie" } });
  const { session, headers } = await postern.createNewSessionForRequest(request, "alice", { role: "editor" });
  const cookie = headers.filter(([name]) => name === "set-cookie").map(([, value]) => value.split(";")[0]).join("; ");
  const page = new Request("https://app.example/page", { headers: { cookie } });
  assert.equal((await postern.getSessionForRequest(page)).session.handle, session.handle);
  const post = new Request("https://app.example/page", { method: "POST", headers: { cookie, origin: "https://evil.example" } });
  await assert.rejects(postern.getSessionForRequest(post), { errType: postern.Error.FOREIGN_WEBSITE });
  const other = memoryPostern();
  postern.init({ binding: other.binding, adminBinding: other.adminBinding });
  await assert.rejects(postern.getSessionData(session.handle), { errType: postern.Error.UNAUTHORISED });
  postern.init({ binding: memory.binding, adminBinding: memory.adminBinding });
});

test("a second holder of a refresh token ends the session", async () => {
  const created = await postern.createNewSession("alice");
  const child = await postern.refreshSession(created.refreshToken.token);
  const grandchild = await postern.refreshSession(child.refreshToken.token);
  const theft = { errType: postern.Error.TOKEN_THEFT_DETECTED, session: { handle: created.session.handle, userId: "alice" } };
  await assert.rejects(postern.refreshSession(created.refreshToken.token), theft);
  await assert.rejects(postern.refreshSession(grandchild.refreshToken.token), { errType: postern.Error.UNAUTHORISED });
});

test("sessions are listed with their facts, the newest first; and it has every method of the real one", async () => {
  const device = { userAgent: "test" };
  const made = [await postern.createNewSession("dora", {}, {}, { device }), await postern.createNewSession("dora")];
  const { sessions, cursor } = await postern.listSessions("dora");
  assert.deepEqual([sessions.map(({ handle }) => handle), cursor], [made.map(({ session }) => session.handle).reverse(), undefined]);
  assert.deepEqual([sessions[1].device, sessions[1].issuer, sessions[1].madeBy], [device, "own", "rpc"]);
  const { records } = await postern.exportUser("dora");
  assert.deepEqual(records.map(({ type, session, sessionData }) => [type, session.handle, sessionData]), sessions.map(({ handle }) => ["session", handle, {}]));
  assert.deepEqual(await postern.eraseUser("dora"), { erased: 2, more: false });
  assert.deepEqual((await postern.exportUser("dora")).records, []);
  const types = readFileSync(new URL("../rpc.d.ts", import.meta.url), "utf8");
  const methods = [...types.slice(types.indexOf("interface SessionsVerify")).matchAll(/^  (\w+)\(argument/gm)].map(([, name]) => name);
  assert.deepEqual(methods.filter((name) => typeof memory.adminBinding[name] !== "function"), []);
});
