// @ts-check
// Locks between processes: a file with the number of the process that holds it.
import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";

/** A process that was killed between making its lock and writing its number leaves an empty one. */
const ABANDONED_AFTER_MS = 10_000;

/**
 * Takes a lock for this process, if no running one holds it; whoever takes it lets go by removing the file.
 * @param {string} file @returns {boolean}
 */
export function take(file) {
  try {
    writeFileSync(file, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== "EEXIST") throw error;
  }
  return isStale(file) && removeStale(file) && take(file);
}

/**
 * The process that holds a lock; 0 of one that is being taken, none where there is no lock or its process was killed.
 * @param {string} file @returns {number | undefined}
 */
export function holderOf(file) {
  const holder = written(file);
  return holder === undefined || isLeft(holder) ? undefined : holder;
}

/** What stands in a lock; none where there is none. @param {string} file @returns {number | undefined} */
function written(file) {
  try {
    return Number(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}

/** Whether there is a lock that a process left behind when it was killed. @param {string} file */
function isStale(file) {
  const holder = written(file);
  return holder !== undefined && (isLeft(holder) || (holder === 0 && isAbandoned(file)));
}

/** Whether what stands in a lock is the number of a process that is no more. @param {number} holder */
const isLeft = (holder) => holder > 0 && !isRunning(holder);

/** Whether nothing was written to a lock for longer than a process takes between making and writing it. @param {string} file */
function isAbandoned(file) {
  try {
    return Date.now() - statSync(file).mtimeMs > ABANDONED_AFTER_MS;
  } catch {
    return false;
  }
}

/**
 * Removes the lock of a process that was killed. Only who holds the lock on that looks again and removes it: of two who found it
 * stale, the later would remove the new one of the earlier.
 * @param {string} file @returns {boolean} whether this process was the one to see to it
 */
function removeStale(file) {
  const removal = `${file}-removal`;
  if (!take(removal)) return false;
  if (isStale(file)) rmSync(file);
  rmSync(removal);
  return true;
}

/** Whether there is such a process, whoever's. */
export function isRunning(/** @type {number} */ pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Somebody else's process, which runs.
    return /** @type {NodeJS.ErrnoException} */ (error).code === "EPERM";
  }
}
