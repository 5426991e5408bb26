// @ts-check
// Deletes what `npm start` stored: sessions, keys, logs. Settings in .dev.vars stay.
import { rmSync } from "node:fs";
import { storage } from "./lib/paths.mjs";
import { say } from "./lib/process.mjs";

rmSync(storage, { recursive: true, force: true });
say("Storage deleted.");
