// @ts-check
// `npm run check -- …`: starts the Worker with the settings and rules that `npm start` would use, asks it whether it
// accepts them, and stops. Arguments are those of `npm start`; with `--online` it also fetches the key set of every trusted issuer, and says what it
// found.
import { randomBytes } from "node:crypto";
import { pathToFileURL } from "node:url";
import { configurationFaults, configurationWarnings } from "./lib/configuration.mjs";
import { main, say } from "./lib/process.mjs";
import { faultLine, startWrangler } from "./lib/wrangler-dev.mjs";
import { useEnvironment } from "./lib/wrangler-settings.mjs";
import { build } from "./build.mjs";

/** Says every fault of settings, rules and bindings. @param {string[]} args of `wrangler dev` @param {{asDeployed?: boolean, profile?: import("./lib/paths.mjs").BuildProfile, then?: (address: (path: "explain") => string) => Promise<boolean>}} [options] @returns {Promise<boolean>} whether there was none */
export async function settingsAreGood(args, options = {}) {
  const beforehand = await configurationFaults(args, options);
  for (const fault of beforehand) say(`error: ${fault}`);
  if (beforehand.length > 0) return false;
  for (const warning of await configurationWarnings(args)) say(`warning: ${warning}`);
  const server = await startWrangler(args, { anyPort: true, ...options });
  // Whoever started this may say it again each second; this process ends with the server.
  /** @type {Promise<never> | undefined} */
  let ending;
  for (const name of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) {
    process.on(name, () => void (ending ??= server.stop().then(() => process.exit(1))));
  }
  try {
    const faults = await server.ready();
    for (const fault of faults) say(faultLine(fault));
    if (faults.length > 0) return false;
    const status = await server.readiness();
    // Of a setting that does not fit what is stored.
    if (status !== 200) for (const fault of await server.ready()) say(faultLine(fault));
    if (status !== 200) say(`error: the Worker started, and says that it is not ready (readyz answers ${status ?? "nothing"})`);
    return status === 200 && ((await options.then?.(server.address)) ?? true);
  } finally {
    await server.stop();
  }
}

/** How long all key sets together may take. */
const ONLINE_MS = 60_000;

/** Has the Worker fetch every key set, and prints what it found. @param {string} key an API key @returns {(address: (path: "explain") => string) => Promise<boolean>} */
const keySetsAreGood = (key) => async (address) => {
  const response = await fetch(address("explain"), {
    method: "POST", body: '{"issuers":true}', headers: { "api-key": key, "content-type": "application/json" }, signal: AbortSignal.timeout(ONLINE_MS),
  });
  if (!response.ok) {
    say(`error: the Worker does not say what it found (status ${response.status})`);
    return false;
  }
  const { issuers } = /** @type {{issuers: {id: string, address: string, status: string, trouble?: string, keys?: string[], leftOut?: string[]}[]}} */ (await response.json());
  const rows = [["issuer", "address", "status", "keys", "left out"]];
  for (const { id, address: place, status, trouble, keys = [], leftOut = [] } of issuers) rows.push([id, place, trouble ? `${status}: ${trouble}` : status, keys.join(", "), leftOut.join("; ")]);
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  for (const row of rows) process.stdout.write(`${row.map((cell, column) => cell.padEnd(widths[column])).join("  ").trimEnd()}\n`);
  return issuers.every(({ status }) => status === "OK");
};

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  await main(async () => {
    const given = process.argv.slice(2);
    const isOnline = given.includes("--online");
    const key = randomBytes(24).toString("hex");
    const args = given.filter((argument) => argument !== "--online").concat(isOnline ? ["--var", `API_KEYS:${key}`] : []);
    useEnvironment(args);
    await build("development");
    if (await settingsAreGood(args, { profile: "development", ...(isOnline && { then: keySetsAreGood(key) }) })) process.stdout.write("The settings are good.\n");
    else process.exitCode = 1;
  });
}
