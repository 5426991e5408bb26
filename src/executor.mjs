// The JavaScript side of the executor (`src/runtime/executor.rs`): it takes a request into Wasm in one step, and waits for
// promises in Wasm's place, which costs a third of what waiting there costs.
import { __worker_init_state, awaited, fulfilled, rejected, timed_out, timeout } from "../build/index.js";
import { inTime } from "./flights.mjs";

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
 * @param {typeof inTime} within bounds a wait
 */
const answering = (within) => (answer, ctx, inPlace = lost) => {
  /** A BigInt is a task id: the answer waits for a promise, and goes on with what that comes to, and so on. Undefined: it was given up. */
  const settled = (answer) => (typeof answer === "bigint" ? later(answer, timeout(answer), settled) : answer === undefined ? inPlace() : answer);
  const later = (task, limit, next) =>
    (limit > 0 ? within(awaited(task), limit, TIMED_OUT) : awaited(task)).then(
      (value) => {
        instance();
        return next(value === TIMED_OUT ? timed_out(task) : fulfilled(task, value));
      },
      (error) => {
        instance();
        return next(rejected(task, error));
      },
    );
  const begun = (answer) => {
    if (typeof answer !== "bigint") return answer === undefined ? inPlace() : answer;
    const limit = timeout(answer);
    // Nothing can come between WebCrypto's verdict and what follows it.
    if (limit < 0) return later(answer, limit, begun);
    const promise = later(answer, limit, settled);
    ctx.waitUntil(promise.then(nothing, nothing));
    return promise;
  };
  return begun(answer);
};

const nothing = () => {};

/** Whoever waits has to do without. */
const lost = () => {
  throw new Error("this work was given up");
};

const TIMED_OUT = Symbol("timed out");

/** As `inTime`, with a timer of its own. @type {typeof inTime} */
const alone = (promise, ms, late) =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms, late);
    const ended = (how) => (value) => {
      clearTimeout(timer);
      how(value);
    };
    promise.then(ended(resolve), ended(reject));
  });

/** Of a request. */
export const answered = answering(inTime);
/** Of an object, which outlives requests and may be put to sleep: its timers are its own. */
export const answeredByObject = answering(alone);
