// @ts-check
// One server at a time on the storage of `npm start`: two would not see each other's sessions, and storage that is
// deleted under a running one leaves it broken.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { storage } from "./paths.mjs";
import { StepFailed } from "./process.mjs";

const lockFile = (/** @type {string} */ directory) => join(directory, "server.pid");

/** The process whose server uses the storage now, if there is one. @returns {number | undefined} */
export function storageUser(directory = storage) {
  try {
    const pid = Number(readFileSync(lockFile(directory), "utf8"));
    process.kill(pid, 0);
    return pid;
  } catch {
    // There is no file, or its process is gone.
    return undefined;
  }
}

/** Takes the storage for this process until it ends. @returns the directory of what is stored */
export function useStorage(directory = storage) {
  const user = storageUser(directory);
  if (user !== undefined) throw new StepFailed(`another npm start (process ${user}) uses the storage: stop it, or add -- --persist-to and a directory`);
  mkdirSync(directory, { recursive: true });
  writeFileSync(lockFile(directory), String(process.pid));
  process.once("exit", () => rmSync(lockFile(directory), { force: true }));
  return join(directory, "state");
}
