// What a Worker of the account could call on the Durable Objects, if it bound their classes: nothing by name.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { durableObjects } from "../support/harness.mjs";
import { startWorkerd } from "../support/workerd.mjs";

const ANSWERED_BY_STUBS = ["fetch", "connect", "then", "catch", "finally", "dup", "constructor", "__proto__", "id", "name"];

test("objects answer fetch, and no method by name", async () => {
  const classes = Object.values(durableObjects);
  const callers = classes.map((name) => ({
    name: `caller-${name.toLowerCase()}`,
    path: "tests/support/object-caller-worker.mjs",
    bindings: { OBJECTS: { objects: name, service: "postern" } },
  }));
  const postern = await startWorkerd({ callers });
  try {
    const glue = readFileSync(new URL("../../build/index.js", import.meta.url), "utf8").match(/[A-Za-z_$][\w$]{2,60}/g) ?? [];
    const names = [...new Set([...glue, "alarm", "webSocketMessage", "webSocketClose", "webSocketError", "ctx", "env", "free"])];
    const asked = names.filter((name) => !ANSWERED_BY_STUBS.includes(name) && !(name in Object.prototype));
    for (const { name } of callers) {
      const response = await fetch(postern.url(name), { method: "POST", body: JSON.stringify(asked) });
      const answers = await response.json();
      assert.equal(Object.keys(answers).length, asked.length);
      for (const [method, answer] of Object.entries(answers)) {
        assert.match(answer, /does not implement|reserved method|not a function|is not callable|has no method/, `${name}.${method}`);
      }
    }
    assert.doesNotMatch(postern.output(), /Reinitializ|panicked|RuntimeError/i);
  } finally {
    await postern.close();
  }
});
