// Answers to requests that repeat, by everything that they depend on, so that a crossing into Wasm has only to say whether
// one still holds (`src/auth/kept_answers.rs`). Bounded in bytes: with the verified tokens that Wasm remembers, this is what
// an isolate knows of credentials.
import { forget_answer, still_holds } from "../build/index.js";

/** Texts of requests, and what Wasm holds for their answers. */
const MOST_BYTES = 2 * 1024 * 1024;
/** What an answer costs besides: its places in the tables. */
const OVERHEAD = 512;

/**
 * @typedef {object} Kept
 * @property {number} number what Wasm calls it
 * @property {string} body
 * @property {ResponseInit} head
 * @property {number} bytes
 * @property {string | null | undefined} origin the `Origin` that it is for; null = none was sent; undefined = it does not matter
 * @property {boolean} isUsed whether it was given again since it was last looked at for eviction
 */

/** By the request's text. The oldest come first. @type {Map<string, Kept>} */
const answers = new Map();
let bytes = 0;
let numbers = 0;
/** The Wasm instance that the numbers are of. */
let instanceOfNumbers;
/** The request that is being answered in this very call; its answer may be kept. */
let asked;

/** @param {string} text @param {Kept} kept */
function remove(text, kept) {
  answers.delete(text);
  bytes -= kept.bytes;
  forget_answer(kept.number);
}

/** The answer that was given to this request before, if it still holds. @param {string} text @param {Request} request @param {number} instance of Wasm */
export function answerAgain(text, request, instance) {
  if (instance !== instanceOfNumbers) {
    answers.clear();
    bytes = 0;
    instanceOfNumbers = instance;
  }
  const kept = answers.get(text);
  if (kept === undefined) return undefined;
  if (kept.origin !== undefined && kept.origin !== request.headers.get("origin")) return undefined;
  if (!still_holds(kept.number)) {
    remove(text, kept);
    return undefined;
  }
  kept.isUsed = true;
  return new Response(kept.body, kept.head);
}

/**
 * Has a request answered, whose answer may then be kept.
 * @template T @param {string | undefined} text undefined: its answer is not to be kept
 * @param {() => T} answer @returns {T}
 */
export function keeping(text, answer) {
  asked = text;
  try {
    return answer();
  } finally {
    asked = undefined;
    if (bytes > MOST_BYTES) evict();
  }
}

/** Of Wasm: keeps the answer that it is about to give, and says under which number; undefined where there is none to keep. */
export function keep(head, body, size, origin) {
  if (asked === undefined) return undefined;
  const known = answers.get(asked);
  if (known) bytes -= known.bytes;
  const kept = { number: known?.number ?? (numbers += 1), body, head, bytes: asked.length + size + OVERHEAD, origin, isUsed: false };
  answers.set(asked, kept);
  bytes += kept.bytes;
  return kept.number;
}

/** Drops the oldest that were not given again since they were last passed over here. */
function evict() {
  for (const [text, kept] of answers) {
    if (bytes <= MOST_BYTES) return;
    if (kept.isUsed) {
      kept.isUsed = false;
      answers.delete(text);
      answers.set(text, kept);
    } else {
      remove(text, kept);
    }
  }
}
