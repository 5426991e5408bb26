// `npm run check -- --online`: the command itself, with servers on this machine in place of issuers. It prints a table, and says of
// each set that cannot be had what is wrong with it.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { exportJWK, generateKeyPair } from "jose";
import { freePort } from "../../scripts/lib/ports.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));
let server;
let base;
let key;
/** What is at each path: a status, headers, a body. A function answers as it likes. */
const places = {};

before(async () => {
  const { publicKey, privateKey } = await generateKeyPair("ES256", { extractable: true });
  key = { ...(await exportJWK(publicKey)), kid: "one", use: "sig" };
  server = createServer((request, response) => {
    const place = places[request.url?.split("?")[0] ?? ""];
    if (typeof place === "function") return place(response);
    const [status, headers, body] = place ?? [404, {}, ""];
    return response.writeHead(status, headers).end(body);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  base = `http://127.0.0.1:${server.address().port}`;
  const set = (...keys) => [200, { "content-type": "application/json" }, JSON.stringify({ keys })];
  Object.assign(places, {
    "/good": set(key, { ...key, kid: "enc", use: "enc" }),
    "/mark": [200, {}, `\ufeff${JSON.stringify({ keys: [key] })}`],
    "/found/.well-known/openid-configuration": [200, {}, JSON.stringify({ issuer: `${base}/found`, jwks_uri: `${base}/good` })],
    "/liar/.well-known/openid-configuration": [200, {}, JSON.stringify({ issuer: "https://other.example", jwks_uri: `${base}/good` })],
    "/moved": [302, { location: "/good" }, ""],
    "/broken": [500, {}, "oops"],
    "/page": [200, { "content-type": "text/html" }, "<!doctype html><title>Sign in</title>"],
    "/metadata": [200, {}, JSON.stringify({ issuer: base, jwks_uri: `${base}/good` })],
    "/certificates": [200, {}, JSON.stringify({ one: "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n" })],
    "/empty": set(),
    "/private": set({ ...(await exportJWK(privateKey)), kid: "leak" }),
    "/large": [200, {}, JSON.stringify({ keys: [key], pad: "x".repeat(300_000) })],
    "/slow": (response) => void response.writeHead(200).write('{"keys":['),
    "/cut": (response) => void (response.writeHead(200, { "content-length": "999" }).write("{"), response.destroy()),
  });
});
after(() => {
  server?.closeAllConnections();
  server?.close();
});

/** Runs the command. @param {object[]} entries */
async function check(entries) {
  const issuers = entries.map((entry) => ({ audience: ["api"], algorithms: ["ES256"], ...entry }));
  const args = ["scripts/check.mjs", "--online", "--port", String(await freePort()), "--var", `TRUSTED_ISSUERS:${JSON.stringify(issuers)}`];
  const child = spawn(process.execPath, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  let [output, errors] = ["", ""];
  child.stdout.on("data", (chunk) => (output += chunk));
  child.stderr.on("data", (chunk) => (errors += chunk));
  const [code] = await once(child, "close");
  /** By the id in front: the rest of a line of the table, its columns apart. */
  const rows = Object.fromEntries(output.split("\n").map((line) => line.split(/ {2,}/)).map(([id, ...columns]) => [id, columns]));
  return { code, output, errors, rows };
}

test("sets that are good: the table, and that the settings are good", { timeout: 300_000 }, async () => {
  const { code, output, errors, rows } = await check([
    { id: "good", issuer: "https://a.example", jwks_uri: `${base}/good?secret=x` },
    { id: "mark", issuer: "https://b.example", jwks_uri: `${base}/mark` },
    { id: "found", issuer: `${base}/found` },
    { id: "inline", issuer: "https://c.example", jwks: { keys: [key] } },
  ]);
  assert.equal(code, 0, output + errors);
  assert.deepEqual(rows.issuer, ["address", "status", "keys", "left out"]);
  const leftOut = "key 2 (enc): it is not for verifying, by its use or key_ops";
  assert.deepEqual(rows.good, [`${base}/good`, "OK", "one ES256", leftOut]);
  assert.deepEqual(rows.mark, [`${base}/mark`, "OK", "one ES256"]);
  assert.deepEqual(rows.found, [`where the discovery document of ${base}/found says`, "OK", "one ES256", leftOut]);
  assert.deepEqual(rows.inline, ["in the setting", "OK", "one ES256"]);
  assert.match(output, /\nThe settings are good\.\n$/);
});

test("each way in which a set cannot be had is named", { timeout: 300_000 }, async () => {
  const closed = `http://127.0.0.1:${await freePort()}/keys`;
  const expected = {
    absent: [`${base}/absent`, "status 404"],
    moved: [`${base}/moved`, "status 302, a redirect, which is not followed"],
    broken: [`${base}/broken`, "status 500"],
    page: [`${base}/page`, /^not a JWK Set: /],
    metadata: [`${base}/metadata`, /^the issuer's metadata and no JWK Set/],
    certificates: [`${base}/certificates`, /^X\.509 certificates by name and no JWK Set/],
    empty: [`${base}/empty`, "no usable key"],
    private: [`${base}/private`, "no usable key; key 1 (leak): it is secret or private, and everybody can read it"],
    large: [`${base}/large`, /^larger than \d+ bytes$/],
    slow: [`${base}/slow`, "no whole answer within 5000 ms"],
    cut: [`${base}/cut`, "no connection, or it broke off"],
    closed: [closed, "no connection, or it broke off"],
  };
  const entries = Object.entries(expected).map(([id, [jwks_uri]]) => ({ id, issuer: `https://${id}.example`, jwks_uri }));
  const { code, output, errors, rows } = await check([
    ...entries,
    { id: "listed", issuer: "https://listed.example", jwks_uri: `${base}/good`, algorithms: ["RS256"] },
    { id: "liar", issuer: `${base}/liar` },
    { id: "good", issuer: "https://good.example", jwks_uri: `${base}/good` },
  ]);
  assert.equal(code, 1, output + errors);
  for (const [id, [address, why]] of Object.entries(expected)) {
    assert.equal(rows[id]?.[0], address, output);
    const told = rows[id][1].replace(/^UNAVAILABLE: /, "");
    if (typeof why === "string") assert.equal(told, why, id);
    else assert.match(told, why, id);
  }
  assert.equal(rows.listed[1], "UNAVAILABLE: no usable key; key 1 (one): it is for none of the algorithms that are listed; key 2 (enc): it is not for verifying, by its use or key_ops");
  assert.match(rows.liar[1], /^UNAVAILABLE: .*issuer/);
  assert.equal(rows.good[1], "OK");
  assert.ok(!output.includes("The settings are good"));
});
