// gateway.toml: what the build makes of it, and what happens when a rule is wrong.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { textOf } from "../../scripts/lib/bundled-file.mjs";
import { gatewayJson } from "../../scripts/lib/gateway-file.mjs";
import { startWithCaller } from "../support/rpc.mjs";
import { until } from "../support/until.mjs";

const lines = (output, event) =>
  output.split("\n").map((line) => line.slice(line.indexOf("{"))).filter((line) => line.includes(`"${event}"`)).map((line) => JSON.parse(line));
const text = readFileSync(new URL("../../gateway.toml", import.meta.url), "utf8");

test("the file of the repository has no rule, and its example is good as it stands", async () => {
  assert.equal(gatewayJson(text), "");
  const example = text.replace(/^#(?=[a-z[])/gm, "");
  assert.equal(JSON.parse(gatewayJson(example)).rules.length, 4);
  const postern = await startWithCaller({}, { gateway: example });
  try {
    const answer = await postern.fetch("/admin/x");
    assert.deepEqual([answer.status, (await answer.json()).status], [401, "UNAUTHORISED"]);
    const page = await postern.fetch("/admin/x?y=1", { headers: { accept: "text/html" } });
    assert.deepEqual([page.status, page.headers.get("location")], [302, "/login?return_to=%2Fadmin%2Fx%3Fy%3D1"]);
    assert.equal(lines(postern.output(), "unwise_setting").length, 0);
  } finally {
    await postern.close();
  }
});

test("text that is no TOML is named by line, without the line", () => {
  assert.throws(() => gatewayJson('[[rules]]\npath = "secret-4711\n'), (error) => /^gateway\.toml line 2, column \d+: /.test(error.message) && !error.message.includes("4711"));
});

test("a file that becomes unreadable while the Worker runs makes it say so, in place of hanging", async () => {
  const broken = '[[rules]]\npath = "secret-4711\n';
  assert.throws(() => textOf(broken, false, "gateway.toml"), /gateway\.toml line 2/);
  const said = JSON.parse(textOf(broken, true, "gateway.toml"));
  assert.match(said, /^line 2, column \d+: /);
  // As an object it is bundled as it is, and not read as TOML.
  const postern = await startWithCaller({}, { gateway: Object(said) });
  try {
    const answer = await postern.fetch("/any/path");
    assert.deepEqual([answer.status, (await answer.json()).status], [500, "MISCONFIGURED"]);
    await until("the fault is logged", () => postern.output().includes(said));
  } finally {
    await postern.close();
  }
});

test("without rules there is no gateway", async () => {
  const postern = await startWithCaller({}, { gateway: '[origins.app]\nurl = "http://127.0.0.1:9000"\n' });
  try {
    const answer = await postern.fetch("/any/path");
    assert.deepEqual([answer.status, (await answer.json()).status], [404, "NOT_FOUND"]);
  } finally {
    await postern.close();
  }
});

test("wrong rules and wrong settings are logged together, and nothing is served", async () => {
  const gateway = `
    [origins.app]
    url = "http://127.0.0.1:9000/path"
    [origins.worker]
    binding = "NOT_BOUND"
    [[rules]]
    path = "/core/**"
    origin = "app"
    [[rules]]
    path = "relative"
    origin = "nobody"
    sessions = "required"
  `;
  const postern = await startWithCaller({ LOG_LEVEL: "loud" }, { gateway });
  try {
    for (const path of ["/", "/auth/healthz", "/core/hello", "/auth/jwt/jwks.json"]) {
      const answer = await postern.fetch(path);
      assert.equal(answer.status, 500, path);
      assert.equal((await answer.json()).status, "MISCONFIGURED");
    }
    // The overlap with the service API is not looked at while a setting is wrong: which settings, nobody knows.
    const faults = await until("the faults are logged", async () => {
      const found = lines(postern.output(), "bad_setting");
      return found.length >= 6 && found;
    });
    assert.deepEqual(
      faults.map((fault) => fault.setting).sort(),
      ["LOG_LEVEL", "gateway.toml origins.app.url", "gateway.toml origins.worker.binding", "gateway.toml rules[1].origin", "gateway.toml rules[1].path", "gateway.toml rules[1].sessions"],
    );
  } finally {
    await postern.close();
  }
});

test("a rule where another door answers is refused", async () => {
  const gateway = { origins: { app: { url: "http://127.0.0.1:9000" } }, rules: [{ path: "/core/x" }, { path: "/auth/session" }, { path: "/**", host: "core.example" }] };
  const postern = await startWithCaller({ SERVICE_API_HOSTS: "core.example" }, { gateway });
  try {
    assert.equal((await postern.fetch("/auth/healthz")).status, 500);
    const faults = await until("the faults are logged", async () => {
      const found = lines(postern.output(), "bad_setting");
      return found.length >= 3 && found;
    });
    assert.deepEqual(faults.map((fault) => fault.setting), ["gateway.toml rules[0].path", "gateway.toml rules[1].path", "gateway.toml rules[2].host"]);
  } finally {
    await postern.close();
  }
});
