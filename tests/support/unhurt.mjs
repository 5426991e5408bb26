// @ts-check
// That an isolate has come through: its Wasm was never started anew, nothing of it trapped, and it still answers.
import assert from "node:assert/strict";

/** What the runtime and the glue print when Wasm trapped, was started anew, or a request was given up. */
const HURT = /reinitiali[sz]|critical error|panicked|unreachable|RuntimeError|memory access|out of memory|code had hung|exceeded/i;

/** @param {{output: () => string, fetch: (path: string) => Promise<Response>}} postern */
export async function unhurt(postern) {
  const hurt = postern.output().split("\n").filter((line) => HURT.test(line));
  assert.deepEqual(hurt, []);
  const healthy = await postern.fetch("/auth/readyz");
  assert.equal(healthy.status, 200);
  await healthy.text();
}
