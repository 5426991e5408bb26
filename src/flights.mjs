// One timer for all requests that wait for an origin, an object or KV: one for each costs a twentieth of what forwarding costs, and a tenth of reading session data. It belongs to
// the request that found none running, and goes on when that was answered; the platform ends such work after 30 seconds, so
// that another request takes the timer over before.
import { waitUntil } from "cloudflare:workers";

/** How long one request keeps the timer. */
const TERM_MS = 20_000;
/** A timer that is so late has ended with its request. */
const SLACK_MS = 1_000;

/**
 * @typedef {object} Flight a request that waits
 * @property {number} deadline in milliseconds since 1970
 * @property {Promise<unknown> | undefined} outcome once there is one: the promise that it waits for, or one of `late`
 * @property {unknown} late what it comes to after its deadline
 * @property {() => void} wake has its request go on: with the outcome, or with the timer
 */

/** Those without an outcome. @type {Set<Flight>} */
const flights = new Set();
/** When the timer fires; infinite when none runs. */
let due = Infinity;
/** Which timer counts: an earlier one may still fire. */
let turn = 0;

/**
 * What a promise comes to, or `late` after so many milliseconds.
 * @template T @param {Promise<T>} promise @param {number} ms @param {T} late @returns {Promise<T>}
 */
export function inTime(promise, ms, late) {
  const now = Date.now();
  /** @type {Flight} */
  const flight = { deadline: now + ms, outcome: undefined, wake: nothing, late };
  flights.add(flight);
  if (flight.deadline < due || now > due + SLACK_MS) tick(now, now + TERM_MS);
  const ended = () => land(flight, promise);
  promise.then(ended, ended);
  return landing(flight);
}

const nothing = () => {};

/** @param {Flight} flight @param {Promise<unknown>} outcome */
function land(flight, outcome) {
  if (!flights.delete(flight)) return;
  flight.outcome = outcome;
  flight.wake();
}

/** Goes on as part of the flight's own request, whoever woke it: only there may its answer be made. @param {Flight} flight @returns {Promise<any>} */
const landing = (flight) =>
  new Promise((resolve) => (flight.wake = resolve)).then(() => {
    if (flight.outcome) return flight.outcome;
    const now = Date.now();
    if (due === Infinity) tick(now, now + TERM_MS);
    return landing(flight);
  });

/** Has the timer fire at the next deadline, or when the term of this request is over. @param {number} now @param {number} end */
function tick(now, end) {
  due = end;
  for (const { deadline } of flights) due = Math.min(due, deadline);
  const mine = (turn += 1);
  const fired = () => {
    if (mine === turn) fire(end);
  };
  const wait = Math.max(0, due - now);
  waitUntil(new Promise((resolve) => setTimeout(() => resolve(fired()), wait)));
}

/** @param {number} end of the term */
function fire(end) {
  const now = Date.now();
  for (const flight of flights) if (flight.deadline <= now) land(flight, Promise.resolve(flight.late));
  if (flights.size > 0 && now < end) return tick(now, end);
  due = Infinity;
  // The first whose request still goes on takes the timer.
  for (const flight of flights) flight.wake();
}
