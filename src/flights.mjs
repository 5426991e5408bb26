// One timer for all requests that wait for an origin, an object or KV: one for each costs a twentieth of what forwarding costs, and a tenth of reading session data. It belongs to
// the request that found none running, and goes on when that was answered; the platform ends such work after 30 seconds, so
// that another request takes the timer over before.
import { waitUntil } from "cloudflare:workers";

/** How long one request keeps the timer. */
const TERM_MS = 20_000;
/** How long one does that takes it over: it may be the one whose term is over, and what a request leaves behind ends after 30 s. */
const NEXT_TERM_MS = 9_000;
/** A timer that is so late has ended with its request. */
const SLACK_MS = 1_000;

/**
 * @typedef {object} Flight a request that waits
 * @property {number} deadline in milliseconds since 1970
 * @property {() => void} giveUp has it go on without what it waits for
 * @property {() => void} wake has it take the timer over
 */

/** Those that still wait. @type {Set<Flight>} */
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
  // Made once, and here: what goes on behind a promise goes on as part of the request that made it, whoever settles it.
  return new Promise((resolve, reject) => {
    const now = Date.now();
    /** @type {Flight} */
    const flight = { deadline: now + ms, giveUp: () => resolve(late), wake: nothing };
    flights.add(flight);
    if (flight.deadline < due || now > due + SLACK_MS) tick(now, now + TERM_MS);
    /** @param {(outcome: any) => void} settle */
    const ended = (settle) => (/** @type {any} */ outcome) => {
      flights.delete(flight);
      settle(outcome);
    };
    promise.then(ended(resolve), ended(reject));
    awaitTurn(flight);
  });
}

const nothing = () => {};

/**
 * Takes the timer over when it is to be had. Only that happens here: what follows a wake of another request's may run as part of any
 * request that still goes on, and for the timer any will do.
 * @param {Flight} flight
 */
function awaitTurn(flight) {
  new Promise((resolve) => (flight.wake = /** @type {() => void} */ (resolve))).then(() => {
    if (!flights.has(flight)) return;
    const now = Date.now();
    if (due === Infinity) tick(now, now + NEXT_TERM_MS);
    awaitTurn(flight);
  });
}

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
  for (const flight of flights) {
    if (flight.deadline > now) continue;
    flights.delete(flight);
    flight.giveUp();
  }
  if (flights.size > 0 && now < end) return tick(now, end);
  due = Infinity;
  // The first whose request still goes on takes the timer.
  for (const flight of flights) flight.wake();
}
