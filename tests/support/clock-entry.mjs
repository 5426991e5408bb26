// Postern, for tests of what happens after minutes: a header of a request sets the clock of its isolate ahead. Timers keep
// the real time.
import postern from "../../src/entry.mjs";

export * from "../../src/entry.mjs";

const real = Date.now;
let ahead = 0;
Date.now = () => real.call(Date) + ahead;

export default {
  ...postern,
  fetch(request, env, ctx) {
    const milliseconds = request.headers.get("test-clock-ahead");
    if (milliseconds !== null) ahead = Number(milliseconds);
    return postern.fetch(request, env, ctx);
  },
};
