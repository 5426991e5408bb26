// What surrounds every call: how long it may take, what aborts it, and how often it is repeated.

import { PosternError } from "./error.js";

/** Calls that may be repeated when nobody knows whether they were carried out: the second time changes nothing more. */
const IDEMPOTENT = new Set([
  "getSession", "getSessionForRequest", "getSessionData", "updateSessionData", "getSessionInformation",
  "getAllSessionHandlesForUser", "listSessions", "exportUser", "revokeSession", "revokeMultipleSessions", "revokeAllSessionsForUser", "updateJWTPayload",
]);
const FIRST_DELAY_MILLISECONDS = 100;
/** Whoever is asked to wait longer tells the caller instead: over a binding nothing else bounds a call. */
const LONGEST_DELAY_MILLISECONDS = 15_000;
/** Of ten calls one may be repeated, and ten at once: when Postern is in trouble, its callers do not double the load. */
const BUDGET = { most: 10, each: 0.1 };

/** How much may still be repeated. One for each place that is called. */
export function retryBudget() {
  let left = BUDGET.most;
  return {
    called: () => void (left = Math.min(BUDGET.most, left + BUDGET.each)),
    take: () => left >= 1 && ((left -= 1), true),
  };
}

/**
 * Calls `send(signal)`, and again after a pause while the answer is an outage, the method may be repeated, and time, tries
 * and budget are left. Rejects with what `signal` was aborted with, or with GENERAL_ERROR when `timeoutMilliseconds` are over.
 */
export async function withLimits(method, send, { signal, timeoutMilliseconds, retries, budget, where = "" }) {
  signal?.throwIfAborted();
  const timeout = timeoutMilliseconds === undefined ? undefined : AbortSignal.timeout(timeoutMilliseconds);
  const ends = timeoutMilliseconds === undefined ? Infinity : Date.now() + timeoutMilliseconds;
  const signals = [signal, timeout].filter((one) => one !== undefined);
  const either = signals.length > 1 ? AbortSignal.any(signals) : signals[0];
  budget.called();
  try {
    for (let tried = 0; ; tried += 1) {
      const outcome = await abortable(either, () => send(either)).then((answer) => ({ answer }), (error) => ({ error }));
      const outage = outageOf(outcome);
      const delay = outage && delayBefore(tried, outage.retryAfterSeconds);
      const again = outage && IDEMPOTENT.has(method) && tried < retries && delay <= LONGEST_DELAY_MILLISECONDS && Date.now() + delay < ends && !either?.aborted && budget.take();
      if (again) await abortable(either, () => new Promise((resolve) => setTimeout(resolve, delay)));
      else if (outcome.error !== undefined) throw outcome.error;
      else return outcome.answer;
    }
  } catch (error) {
    signal?.throwIfAborted();
    if (!timeout?.aborted) throw error;
    throw new PosternError(PosternError.GENERAL_ERROR, `${method}: no answer within ${timeoutMilliseconds} ms${where}`, { cause: error });
  }
}

/** An answer, or an error, that says "not now". A refused key or a missing service is no outage. */
function outageOf({ answer, error }) {
  if (answer?.status === "GENERAL_ERROR") return answer;
  return error instanceof PosternError && error.status === 503 ? error : undefined;
}

/** At least what was asked for; twice as long each time; up to half as long again, so that callers do not come back together. */
function delayBefore(tried, retryAfterSeconds = 0) {
  const least = Math.max(retryAfterSeconds * 1_000, FIRST_DELAY_MILLISECONDS * 2 ** tried);
  return least * (1 + Math.random() / 2);
}

/** Whatever `start` comes to, unless the signal is aborted before: a service binding cannot be told to stop. */
function abortable(signal, start) {
  if (signal === undefined) return start();
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    Promise.resolve(start()).then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
