// `npx postern keys`: a new key for the service API, on stdout.
import { randomBytes } from "node:crypto";
import { say } from "./lib/process.mjs";

export async function run() {
  process.stdout.write(`${randomBytes(24).toString("hex")}\n`);
  say("For a deployment: npx wrangler secret put API_KEYS, and give it this. Several keys, separated by commas, are valid at once.");
}
