// @ts-check
// One server at a time on the storage of `npm start`: two would not see each other's sessions, and storage that is
// deleted under a running one leaves it broken.
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { holderOf, take } from "./lock.mjs";
import { storage } from "./paths.mjs";
import { StepFailed } from "./process.mjs";

const lockFile = (/** @type {string} */ directory) => join(directory, "server.pid");

/** The process whose server uses the storage now, if there is one. @returns {number | undefined} */
export const storageUser = (directory = storage) => holderOf(lockFile(directory));

/** Takes the storage for this process until it ends. @returns the directory of what is stored */
export function useStorage(directory = storage) {
  mkdirSync(directory, { recursive: true });
  const lock = lockFile(directory);
  if (!take(lock)) throw new StepFailed(`another npm start (process ${holderOf(lock) || "that has just begun"}) uses the storage (${lock}): stop it, or add -- --persist-to and a directory`);
  process.once("exit", () => rmSync(lock, { force: true }));
  return join(directory, "state");
}
