import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { promisify } from "node:util";

import * as postern from "postern";
import { API_KEY, wire } from "./harness.mjs";

const run = promisify(execFile);

/** Runs a module's text in a Node process of its own, as discovery happens once per process. */
async function inNode(text, environment) {
  const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", text], {
    cwd: import.meta.dirname,
    env: { PATH: process.env.PATH, ...environment },
  });
  return stdout.trim();
}

test("without init, the variables say where Postern is; text named SESSIONS is no binding", async (t) => {
  const { url, requests } = await wire(t, () => ({ json: { status: "OK", userDataInDatabase: { found: true } } }));
  const text = `
    import * as postern from "postern";
    console.log(JSON.stringify(await postern.getSessionData("h")));`;
  const printed = await inNode(text, { POSTERN_URL: `${url}/core/`, POSTERN_API_KEY: API_KEY, SESSIONS: "12" });
  assert.equal(printed, '{"found":true}');
  assert.equal(requests[0].path, "/core/recipe/session/data?sessionHandle=h");
});

test("without anything, the error names what to set", async () => {
  const text = `
    import * as postern from "postern";
    const err = await postern.getSessionData("h").catch((err) => err);
    console.log(err.errType, err.message);`;
  const printed = await inNode(text, {});
  assert.match(printed, /^1000 /);
  for (const name of ["postern.init", "SESSIONS", "SESSIONS_ADMIN", "POSTERN_URL", "POSTERN_API_KEY"]) {
    assert.ok(printed.includes(name), name);
  }
});

test("an address has its base path, /core unless given", async (t) => {
  const { url, requests } = await wire(t, () => ({ json: { status: "OK" } }));
  for (const address of [url, `${url}/`, `${url}/core`, `${url}/sessions/core/`]) {
    postern.init({ url: address, apiKey: API_KEY });
    await postern.updateSessionData("h", {});
  }
  assert.deepEqual(
    requests.map(({ path }) => path.replace("/recipe/session/data", "")),
    ["/core", "/core", "/core", "/sessions/core"],
  );
});

test("init refuses what cannot be meant, and never repeats a key", () => {
  const url = "https://sessions.example/core";
  const cases = [
    [{}, /"url"/],
    [{ url: "sessions.example", apiKey: API_KEY }, /"url"/],
    [{ url: "ftp://sessions.example", apiKey: API_KEY }, /"url"/],
    [{ url: "https://user@sessions.example", apiKey: API_KEY }, /"url"/],
    [{ url: `${url}?a=1`, apiKey: API_KEY }, /"url"/],
    [{ url }, /"apiKey"/],
    [{ url, apiKey: "secret\nsecret" }, /"apiKey"/],
    [{ url, apiKey: API_KEY, timeoutMilliseconds: 0 }, /"timeoutMilliseconds"/],
    [{ url, apiKey: API_KEY, timeoutMilliseconds: "1s" }, /"timeoutMilliseconds"/],
    [{ binding: {}, url, apiKey: API_KEY }, /either/],
  ];
  for (const [options, message] of cases) {
    assert.throws(() => postern.init(options), (err) => {
      assert.ok(err instanceof TypeError);
      assert.match(err.message, message);
      assert.doesNotMatch(err.message, /secret/);
      return true;
    });
  }
});

test("the types declare exactly what the module exports", async () => {
  const types = await readFile(new URL("../index.d.ts", import.meta.url), "utf8");
  const declared = [...types.matchAll(/^export function (\w+)/gm)].map(([, name]) => name);
  assert.deepEqual([...declared, "Error"].sort(), Object.keys(postern).sort());
});
