// @ts-check
// What only a machine under development is told: what runs, where no rule is, and which origin does not answer.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { freePort } from "../../scripts/lib/ports.mjs";
import { startWithCaller } from "../support/rpc.mjs";

const PAGE = { accept: "text/html,application/xhtml+xml,*/*;q=0.8" };
let ORIGIN = "";
/** @type {Record<string, Awaited<ReturnType<typeof startWithCaller>>>} */
const started = {};

before(async () => {
  // Nothing listens there.
  ORIGIN = `http://127.0.0.1:${await freePort()}`;
  const [DEVELOPMENT, API_DOMAIN] = ["true", "http://127.0.0.1:8787"];
  for (const [name, vars] of Object.entries({
    plain: { API_DOMAIN },
    development: { API_DOMAIN, DEVELOPMENT },
    plainGateway: { API_DOMAIN, ORIGIN },
    gateway: { API_DOMAIN, ORIGIN, DEVELOPMENT },
  })) {
    started[name] = await startWithCaller(vars);
  }
});
after(() => Promise.all(Object.values(started).map((postern) => postern.close())));

/** @param {string} name @param {string} path @param {RequestInit} [init] */
async function answer(name, path, init) {
  const response = await started[name]?.fetch(path, init);
  return { status: response?.status, type: response?.headers.get("content-type"), policy: response?.headers.get("content-security-policy"), text: (await response?.text()) ?? "" };
}

test("the start page says what runs, in development only", async () => {
  // The first thing that somebody tries is curl, which asks for no page in particular.
  for (const headers of [PAGE, {}]) {
    const page = await answer("development", "/", { headers });
    assert.deepEqual([page.status, page.type], [200, "text/html; charset=utf-8"]);
    assert.match(page.policy ?? "", /^default-src 'none'/);
    for (const part of ["Postern is running", "http://127.0.0.1:8787/auth", "npm run check"]) assert.ok(page.text.includes(part), part);
  }
  for (const [name, path, init] of /** @type {const} */ ([
    ["plain", "/", { headers: PAGE }],
    ["plain", "/", {}],
    ["development", "/", { method: "POST", headers: PAGE }],
    ["development", "/x", { headers: PAGE }],
  ])) {
    const refused = await answer(name, path, init);
    assert.equal(refused.status, 404, `${name} ${path}`);
    assert.ok(!refused.text.includes("Postern is running") && !refused.text.includes("8787"), refused.text);
  }
});

test("an origin that cannot be reached is named with its address, in development only", async () => {
  for (const headers of [PAGE, {}]) {
    const named = await answer("gateway", "/x", { headers });
    assert.equal(named.status, 502);
    assert.ok(named.text.includes(ORIGIN), named.text);
    const generic = await answer("plainGateway", "/x", { headers });
    assert.equal(generic.status, 502);
    assert.ok(!generic.text.includes("127.0.0.1"), generic.text);
  }
});
