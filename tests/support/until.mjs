// @ts-check
// Waiting for what must become true.
import { setTimeout as sleep } from "node:timers/promises";

/**
 * Asks until the answer is truthy, and gives it; a failure when it never is.
 * @template T
 * @param {string} what @param {() => Promise<T>} ask @param {number} [withinMs]
 */
export async function until(what, ask, withinMs = 15_000) {
  const end = Date.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > end) throw new Error(`not within ${withinMs} ms: ${what}`);
    await sleep(50);
  }
}
