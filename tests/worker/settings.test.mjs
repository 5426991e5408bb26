// Settings that cannot be used: all reported together, by name; nothing is served; strangers learn nothing.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { freePort } from "../../scripts/lib/ports.mjs";
import { apiKey } from "../support/harness.mjs";
import { startWithCaller } from "../support/rpc.mjs";
import { until } from "../support/until.mjs";

const BAD = {
  ACCESS_TOKEN_VALIDITY: "soon",
  REFRESH_TOKEN_VALIDITY: "0s",
  MAX_SESSION_DATA: "5MiB",
  SIGNING_ALGORITHM: "HS256",
  FRESHNESS: "within never",
  API_BASE_PATH: "/auth?x",
  ANTI_CSRF: "PERHAPS",
  TRUSTED_ISSUERS: [{ id: "a", issuer: "https://a.example" }],
  CLOCK_TOLERANCE: "secret-looking-value-4711",
  ACCESS_TOKEN_VALIDTY: "1h",
  NO_SUCH_SETTING: "1",
};

const lines = (output, event) =>
  output.split("\n").map((line) => line.slice(line.indexOf("{"))).filter((line) => line.includes(`"${event}"`)).map((line) => JSON.parse(line));

test("bad and unknown settings are reported together by name, and every route is a generic 500", async () => {
  const postern = await startWithCaller({ ...BAD });
  try {
    const paths = ["/", "/auth/session", "/auth/healthz", "/auth/jwt/jwks.json", "/auth/.well-known/openid-configuration", "/core/hello", "/core/recipe/session/data", "/no/such/path"];
    for (const path of paths) {
      for (const method of ["GET", "POST", "OPTIONS"]) {
        const response = await postern.fetch(path, { method, headers: { "api-key": apiKey } });
        const body = await response.text();
        assert.equal(response.status, 500, `${method} ${path}`);
        for (const name of Object.keys(BAD)) assert.ok(!body.includes(name), `${path} names ${name} to strangers`);
        assert.equal(response.headers.get("cache-control"), "no-store");
      }
    }
    const { status, sessionData } = await postern.call("SESSIONS", "getSessionData", { handle: "a.b.c" });
    assert.deepEqual([status, sessionData], ["GENERAL_ERROR", undefined]);
    const faults = await until("the faults are logged", async () => {
      const found = lines(postern.output(), "bad_setting");
      return found.length >= Object.keys(BAD).length && found;
    });
    assert.deepEqual([...new Set(faults.map(({ setting }) => setting))].sort(), Object.keys(BAD).sort());
    for (const { setting, message } of faults) assert.ok(message.length > 10, `${setting}: ${message}`);
    assert.ok(!postern.output().includes("secret-looking-value-4711"), "a value may be a secret");
    assert.equal(lines(postern.output(), "bad_setting").length, faults.length, "reported once");
  } finally {
    await postern.close();
  }
});

test("a second is accepted as any lifetime, with a warning where that is unwise", async () => {
  const second = { ACCESS_TOKEN_VALIDITY: "1s", REFRESH_TOKEN_VALIDITY: "1s", SIGNING_KEY_ROTATION_INTERVAL: "1s", FRESHNESS: "within 1s", REFRESH_GRACE_PERIOD: "1s" };
  const postern = await startWithCaller(second);
  try {
    assert.equal((await postern.admin("createNewSession", { userId: "alice" })).status, "OK");
    assert.deepEqual(lines(postern.output(), "bad_setting"), []);
    const warned = lines(postern.output(), "unwise_setting").map(({ setting }) => setting);
    for (const name of ["ACCESS_TOKEN_VALIDITY", "FRESHNESS"]) assert.ok(warned.includes(name), `${name}: ${warned}`);
  } finally {
    await postern.close();
  }
});

test("without an API key the service API does not exist", async () => {
  const postern = await startWithCaller({ API_KEYS: "" });
  try {
    for (const path of ["/core/recipe/session", "/core/apiversion", "/core/hello"]) {
      for (const headers of [{}, { "api-key": "" }, { "api-key": apiKey }]) {
        const response = await postern.fetch(path, { headers });
        await response.text();
        assert.equal(response.status, 404, path);
      }
    }
  } finally {
    await postern.close();
  }
});

test("npm start names each bad setting and exits with 1", { timeout: 120_000 }, async () => {
  const storage = mkdtempSync(join(tmpdir(), "postern-settings-"));
  const args = ["--port", String(await freePort()), "--persist-to", storage];
  const bad = ["--var", "ACCESS_TOKEN_VALIDITY:soon", "--var", "SIGNING_ALGORITHM:none", "--var", "NO_SUCH_SETTING:1"];
  const child = spawn(process.execPath, ["scripts/run.mjs", "start", ...args, ...bad], {
    cwd: fileURLToPath(new URL("../../", import.meta.url)),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const printed = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"]) child[stream].on("data", (chunk) => (printed[stream] += chunk));
  const code = await new Promise((resolve) => child.once("close", resolve));
  rmSync(storage, { recursive: true, force: true });
  assert.equal(code, 1, printed.stderr);
  const named = [...printed.stderr.matchAll(/^error: setting (\w+): .{10,}/gm)].map(([, name]) => name);
  assert.deepEqual(named.sort(), ["ACCESS_TOKEN_VALIDITY", "NO_SUCH_SETTING", "SIGNING_ALGORITHM"]);
  assert.ok(!printed.stdout.includes("Ready on "));
});
