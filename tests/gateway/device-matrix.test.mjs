// What a thief gets for copies of a bound session's cookies: every cell of the table in docs/device-binding.md, under every
// policy. The policies are isolates with the same objects behind them.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { payloadOf } from "../support/browser.mjs";
import { dbscBrowser, deviceKey } from "../support/dbsc-client.mjs";
import { apiKey } from "../support/harness.mjs";
import { startOrigin } from "../support/origin.mjs";
import { startWithCaller } from "../support/rpc.mjs";
import { parse, text } from "../support/values.mjs";

const POLICIES = { offer: "postern", off: "postern-2", require: "postern-3" };
const COPIES = {
  "access token": ["sAccessToken"],
  "refresh token": ["sRefreshToken"],
  "bound cookie": ["__Host-sDevice-"],
  "access and refresh token": ["sAccessToken", "sRefreshToken"],
  "all, for ten minutes": [""],
  "all, later": [""],
};
const LATER = 11 * 60_000;

const table = readFileSync(new URL("../../docs/device-binding.md", import.meta.url), "utf8").match(/^\| entry point [\s\S]*?\n\n/m)[0].trim().split("\n");
const cells = (line) => line.slice(1, -1).split("|").map((cell) => cell.trim());
const [, ...parts] = cells(table[0]);
const rows = table.slice(2).map(cells);

let origin, postern;
const clock = { ahead: 0 };
before(async () => {
  origin = await startOrigin((request, response) => void response.end(JSON.stringify({ user: request.headers["postern-user-id"] ?? null })));
  const callers = ["postern-2", "postern-3"].map((service) => ({
    name: `caller-${service}`,
    path: "tests/support/rpc-caller-worker.mjs",
    bindings: { SESSIONS: { service }, ADMIN: { service, entrypoint: "SessionsAdmin" }, VERIFY: { service, entrypoint: "SessionsVerify" } },
  }));
  postern = await startWithCaller(
    { API_KEYS: apiKey, DEVICE_BINDING: "offer", ACCESS_TOKEN_VALIDITY: "5h", ACCESS_TOKEN_VALIDITY_JITTER: "0" },
    {
      gateway: { origins: { app: { url: origin.url } }, rules: [{ path: "/bound/**", device_bound: true, session: "required" }, { path: "/**", session: "required" }] },
      isolates: 3,
      varsOf: { "postern-2": { DEVICE_BINDING: "off" }, "postern-3": { DEVICE_BINDING: "require" } },
      callers,
      entry: "tests/support/clock-entry.mjs",
    },
  );
});
after(async () => {
  await postern?.close();
  await origin?.close();
});

let users = 0;
/** A browser with a bound session that Postern knows it has the key of. */
async function bound() {
  const created = await postern.admin("createNewSessionForRequest", { userId: `user-${++users}`, request: { headers: { "st-auth-mode": "cookie" } } });
  const browser = dbscBrowser(postern.url(), { clock });
  for (const [name, value] of created.headers.filter(([name]) => name === "set-cookie").map(([, line]) => line.split(";")[0].split(/=(.*)/s))) browser.jar.set(name, { value, path: name === "sRefreshToken" ? "/auth/session/refresh" : "/", ends: Infinity });
  await browser.register(created.headers.find(([name]) => name === "secure-session-registration")[1]);
  const { id } = [...browser.sessions.values()][0];
  // A proof shows the key, as the first request would.
  assert.equal(await browser.refresh(id), undefined);
  return { browser, handle: payloadOf(browser.jar.get("sAccessToken").value).sessionHandle, id };
}

/** What a thief asks of a door, with what it has. */
function asker(policy, { jar, id }) {
  const url = postern.url(POLICIES[policy]);
  const value = (name) => jar.get(name)?.value;
  const pairs = (names) => [...jar].filter(([name]) => names(name)).map(([name, { value }]) => `${name}=${value}`).join("; ");
  const all = pairs(() => true);
  const cookie = all ? { cookie: all } : {};
  const apart = (token) => ({ ...(pairs((name) => name !== token) ? { cookie: pairs((name) => name !== token) } : {}), ...(value(token) ? { authorization: `Bearer ${decodeURIComponent(value(token))}` } : {}) });
  const http = async (method, path, headers = cookie, body = undefined) => {
    const answer = await fetch(url + path, { method, headers: { "test-clock-ahead": String(clock.ahead), ...headers }, body, redirect: "manual" });
    const told = await answer.text();
    return answer.ok && !told.includes('"user":null') ? "served" : told.includes("TOKEN_THEFT_DETECTED") || told.includes("token theft detected") ? "ends" : "refused";
  };
  const caller = policy === "offer" ? "caller" : `caller-${POLICIES[policy]}`;
  const rpc = async (method, argument) => {
    const answer = await fetch(postern.url(caller), { method: "POST", body: text({ service: "ADMIN", method, args: [argument] }) });
    const { value, thrown } = parse(await answer.text());
    return thrown ? "refused" : value.status === "OK" ? "served" : value.status === "TOKEN_THEFT_DETECTED" ? "ends" : "refused";
  };
  const core = async (path, body) => {
    const answer = await fetch(`${url}/core${path}`, { method: "POST", headers: { "api-key": apiKey, "content-type": "application/json", "cdi-version": "5.1" }, body: JSON.stringify(body) });
    const { status } = answer.ok ? await answer.json() : { status: await answer.text() };
    return status === "OK" ? "served" : status === "TOKEN_THEFT_DETECTED" ? "ends" : "refused";
  };
  const accessToken = value("sAccessToken") ?? "";
  const refreshToken = decodeURIComponent(value("sRefreshToken") ?? "");
  const proof = deviceKey().proof("challenge", { withKey: true });
  /** @type {Record<string, () => Promise<string>>} */
  const doors = {
    gateway: () => http("GET", "/a"),
    "gateway, token in `Authorization`": () => http("GET", "/a", apart("sAccessToken")),
    "gateway, `device_bound`": () => http("GET", "/bound/a"),
    "`GET {base}/session`": () => http("GET", "/auth/session"),
    "`POST {base}/session/ticket`": () => http("POST", "/auth/session/ticket", cookie, JSON.stringify({ path: "/a" })),
    "`POST {base}/session/refresh`": () => http("POST", "/auth/session/refresh"),
    "the same, token in `Authorization`": () => http("POST", "/auth/session/refresh", apart("sRefreshToken")),
    "`POST {base}/session/device`": () => http("POST", "/auth/session/device", { ...cookie, "secure-session-response": proof }),
    "`POST {base}/session/device/refresh`": () => http("POST", "/auth/session/device/refresh", { ...cookie, "sec-secure-session-id": id, "secure-session-response": proof }),
    "RPC `getSession`": () => rpc("getSession", { accessToken }),
    "RPC `getSessionForRequest`": () => rpc("getSessionForRequest", { request: { method: "GET", url: `${url}/a`, headers: Object.entries(cookie) } }),
    "RPC `refreshSession`": () => rpc("refreshSession", { refreshToken }),
    "service API, verify": () => core("/recipe/session/verify", { accessToken, doAntiCsrfCheck: false, enableAntiCsrf: false, checkDatabase: true }),
    "service API, refresh": () => core("/recipe/session/refresh", { refreshToken, enableAntiCsrf: false, useDynamicSigningKey: true }),
  };
  return (door) => doors[door]();
}

/** Sets the clocks ahead: that of the objects, and that of each isolate. */
async function later() {
  clock.ahead += LATER;
  for (const isolate of Object.values(POLICIES)) await fetch(`${postern.url(isolate)}/auth/healthz`, { headers: { "test-clock-ahead": String(clock.ahead) } });
}
const thiefOf = ({ browser, id }, part) => ({ jar: browser.thief((name) => COPIES[part].some((beginning) => name.startsWith(beginning))).jar, id });
const lives = async (handle) => (await postern.admin("getSessionInformation", { handle })).status === "OK";

test("the table is whole", () => {
  assert.deepEqual(parts, Object.keys(COPIES));
  assert.equal(rows.length, 14);
});

for (const policy of Object.keys(POLICIES)) {
  describe(`DEVICE_BINDING ${policy}`, () => {
    // The clock only goes on: what happens later comes last.
    for (const part of parts) {
      test(part, async () => {
        const column = parts.indexOf(part) + 1;
        const changes = (row) => row[column] === "ends" || (row[column] === "served" && row[0].includes("refresh"));
        const shared = await bound();
        const own = new Map();
        for (const row of rows.filter(changes)) own.set(row[0], await bound());
        if (part === "all, later") await later();
        for (const [door, ...expected] of rows) {
          const session = own.get(door) ?? shared;
          const found = await asker(policy, thiefOf(session, part))(door);
          assert.equal(found, expected[column - 1], `${door}: ${part}`);
          assert.equal(await lives(session.handle), found !== "ends", `${door}: ${part}`);
        }
        // The browser itself goes on, whatever the thief has tried.
        assert.equal((await shared.browser.fetch("/bound/a")).status, 200);
      });
    }
  });
}
