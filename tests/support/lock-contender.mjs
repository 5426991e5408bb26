// @ts-check
// `node lock-contender.mjs LOCK DEAD_PID UNTIL`: takes a lock again and again, and leaves it behind each time as a process that is killed
// does. Prints how often it had it; exit code 1 when another process had it at the same time.
import { rmSync, writeFileSync } from "node:fs";
import { take } from "../../scripts/lib/lock.mjs";

const [lock, deadPid, end] = process.argv.slice(2);
const inside = `${lock}-inside`;
let taken = 0;
while (Date.now() < Number(end)) {
  if (!take(lock)) continue;
  taken += 1;
  // Fails where another one is.
  writeFileSync(inside, "", { flag: "wx" });
  rmSync(inside);
  writeFileSync(lock, deadPid);
}
console.log(taken);
