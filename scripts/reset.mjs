// @ts-check
// Deletes what `npm start` stored: sessions, keys, logs. Settings in .dev.vars stay.
import { rmSync } from "node:fs";
import { storage } from "./lib/paths.mjs";
import { StepFailed, main, say } from "./lib/process.mjs";
import { storageUser } from "./lib/storage-lock.mjs";

await main(async () => {
  const user = storageUser();
  if (user !== undefined) throw new StepFailed(`npm start (process ${user}) uses the storage: stop it first`);
  rmSync(storage, { recursive: true, force: true });
  say("Storage deleted.");
});
