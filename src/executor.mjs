// The JavaScript side of the executor (`src/runtime/executor.rs`): it takes a request into Wasm in one step, and waits for
// promises in Wasm's place, which costs a third of what waiting there costs.
import { __worker_init_state, awaited, fulfilled, rejected, timed_out, timeout } from "../build/index.js";

/** Which Wasm instance this is. After a trap that is a fresh one: ask before an argument is written into its memory. */
export const instance = () => __worker_init_state().instanceId;

const encoder = new TextEncoder();
const buffer = new Uint8Array(65_536);

/** What every answer depends on. No part can hold a line break. @param {Request} request */
export const factsOf = ({ method, url, headers }) => `${method}\n${url}\n${headers.get("authorization") ?? ""}\n${headers.get("cookie") ?? ""}`;

/** The same as bytes, for one crossing into Wasm instead of five; to be used at once. @param {string} text */
export function encoded(text) {
  // UTF-8 takes at most three bytes for a unit of a string.
  if (text.length * 3 > buffer.length) return encoder.encode(text);
  return buffer.subarray(0, encoder.encodeInto(text, buffer).written);
}

/**
 * An answer of Rust's; in place of one that was given up, what `inPlace` gives. One that takes longer is carried to its end even when nobody waits for it any more: the platform
 * would cancel it, and Wasm would not hear of it; its memory, and its place among the bodies in flight, would be held on to.
 */
export function answered(answer, ctx, inPlace = lost) {
  if (typeof answer !== "bigint") return answer === undefined ? inPlace() : answer;
  // Nothing can come between WebCrypto's verdict and what follows it.
  if (timeout(answer) < 0) return settled(answer, inPlace, (next) => answered(next, ctx, inPlace));
  const promise = settled(answer, inPlace);
  ctx.waitUntil(promise.then(nothing, nothing));
  return promise;
}

const nothing = () => {};

/** Whoever waits has to do without. */
const lost = () => {
  throw new Error("this work was given up");
};

/** A BigInt is a task id: the answer waits for a promise, and goes on with what that comes to, and so on with `next`. Undefined: it was given up. */
function settled(answer, inPlace, next = (answer) => settled(answer, inPlace)) {
  if (typeof answer !== "bigint") return answer === undefined ? inPlace() : answer;
  const limit = timeout(answer);
  const promise = limit > 0 ? within(awaited(answer), limit) : awaited(answer);
  return promise.then(
    (value) => {
      instance();
      return next(value === TIMED_OUT ? timed_out(answer) : fulfilled(answer, value));
    },
    (error) => {
      instance();
      return next(rejected(answer, error));
    },
  );
}

const TIMED_OUT = Symbol("timed out");

const within = (promise, milliseconds) =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds, TIMED_OUT);
    const inTime = (how) => (value) => {
      clearTimeout(timer);
      how(value);
    };
    promise.then(inTime(resolve), inTime(reject));
  });
