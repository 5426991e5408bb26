// Many requests wait at once and share one timer (src/flights.mjs): each is answered as part of its own request, whoever's timer
// it was and whichever way the wait ended. Answered as part of another one, the runtime refuses the answer with a 500.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { apiKey } from "../support/harness.mjs";
import { head, open } from "../support/raw.mjs";
import { startWorkerd } from "../support/workerd.mjs";

/** @type {Awaited<ReturnType<typeof startWorkerd>>} */
let postern;
before(async () => {
  postern = await startWorkerd({ vars: { API_KEYS: apiKey }, callers: [{ name: "waiting", path: "tests/support/waiting-worker.mjs", bindings: {} }] });
});
after(() => postern.close());

/** A body of which one byte is missing. */
async function begin() {
  const connection = open(postern.url());
  await connection.write(head("POST /core/recipe/session", [`api-key: ${apiKey}`, "Content-Length: 100"]));
  await connection.write(Buffer.alloc(99, 0x20));
  return connection;
}

test("bodies that begin one after the other, and never end, are each 408", async () => {
  const connections = [];
  for (let n = 0; n < 12; n += 1) {
    connections.push(await begin());
    await sleep(150);
  }
  const answers = await Promise.all(connections.map((connection) => connection.answer(40_000)));
  assert.deepEqual(answers.map((answer) => answer?.status), connections.map(() => 408));
});

test("when the timer passes on from a request that was answered long ago, those that wait then are answered as ever", async () => {
  const url = postern.url("waiting");
  /** How long a request keeps the timer. */
  const term = 20_000;
  const end = Date.now() + term + 2_000;
  /** @type {Map<string, number>} */
  const answers = new Map();
  const caller = async (/** @type {number} */ which) => {
    for (let n = which; Date.now() < end; n += 7) {
      const body = new ReadableStream({
        async start(controller) {
          controller.enqueue(new Uint8Array(50));
          await sleep(n % 40);
          controller.enqueue(new Uint8Array(50));
          controller.close();
        },
      });
      const response = await fetch(`${url}/?ms=${n % 30}`, /** @type {RequestInit} */ ({ method: "POST", body, duplex: "half" }));
      const text = await response.text();
      answers.set(text, (answers.get(text) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: 32 }, (_, which) => caller(which)));
  assert.deepEqual([...answers.keys()], ["answered"]);
  assert.ok(Number(answers.get("answered")) > 500);
});
