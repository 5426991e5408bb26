// Postern, for tests of what happens after minutes: a header of a request sets the clock of its isolate ahead. Timers keep
// the real time.
import Postern from "../../src/entry.mjs";

export * from "../../src/entry.mjs";

const real = Date.now;
let ahead = 0;
Date.now = () => real.call(Date) + ahead;

export default class extends Postern {
  fetch(request) {
    const milliseconds = request.headers.get("test-clock-ahead");
    if (milliseconds !== null) ahead = Number(milliseconds);
    return super.fetch(request);
  }
}
