// @ts-check
// A Worker of which every request waits three times by the shared timer: for two parts of its body, and for `ms` milliseconds.
import { inTime } from "../../src/flights.mjs";

const LIMIT_MS = 5_000;

export default {
  fetch(/** @type {Request} */ request) {
    const ms = Number(new URL(request.url).searchParams.get("ms"));
    const reader = /** @type {ReadableStream} */ (request.body).getReader();
    /** @returns {Promise<Response>} */
    const answer = () =>
      inTime(/** @type {Promise<any>} */ (reader.read()), LIMIT_MS, undefined).then((chunk) => {
        if (chunk === undefined) return new Response("late");
        if (!chunk.done) return answer();
        return inTime(new Promise((resolve) => setTimeout(resolve, ms)), LIMIT_MS, undefined).then(() => new Response("answered"));
      });
    return answer();
  },
};
