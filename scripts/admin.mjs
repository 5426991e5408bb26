// @ts-check
// `npm run admin -- COMMAND …`: what an operator does by hand, at any Postern that an API key opens. What was asked for goes to
// stdout as JSON, everything else to stderr.
import { NotThere, adminApi } from "./lib/admin-api.mjs";
import { exportAll } from "./lib/export/export-all.mjs";
import { backUpKeys, restoreKeys } from "./lib/key-backup.mjs";
import { StepFailed, main, say } from "./lib/process.mjs";
import { option } from "./lib/wrangler-settings.mjs";

/** @typedef {import("./lib/admin-api.mjs").Api} Api */
/** @typedef {{wants: string, what: string, changes?: boolean, run: (api: Api, given: string[], args: string[]) => Promise<unknown>}} Command */

/** @type {Record<string, Command>} */
const COMMANDS = {
  sessions: { wants: "USER", what: "a user's live sessions", run: (api, [userId = ""]) => sessionsOf(api, userId) },
  "not-moved": {
    wants: "USER …",
    what: "the sessions of these users that were a SuperTokens core's and were not refreshed here yet",
    run: async (api, users) => {
      const notMoved = [];
      for (const user of users) {
        const { sessions } = await sessionsOf(api, user);
        notMoved.push(...sessions.filter(({ madeBy, lastRefreshed }) => madeBy === "former_core" && lastRefreshed === undefined));
      }
      return { notMoved };
    },
  },
  end: {
    wants: "HANDLE …",
    what: "end these sessions",
    changes: true,
    run: async (api, handles) => ({ ended: (await removed(api, { sessionHandles: handles })).sessionHandlesRevoked }),
  },
  "revoke-all": {
    wants: "USER",
    what: "end all sessions of a user",
    changes: true,
    run: async (api, [userId]) => ({ ended: (await removed(api, { userId, revokeAcrossAllTenants: true })).sessionHandlesRevoked }),
  },
  "revoke-before": {
    wants: "TIME",
    what: "end everybody's sessions created before a time (2026-11-26T14:05:00Z, or now); takes half a minute",
    changes: true,
    run: (api, [time = ""]) => api.ask({ method: "POST", path: "/postern/revoke-before", body: { time: millisecondsOf(time) } }),
  },
  keys: { wants: "", what: "the ids of the signing keys", run: (api) => keys(api) },
  "rotate-keys": {
    wants: "",
    what: "sign with a new key from now on; what older keys signed stays good",
    changes: true,
    run: async (api) => {
      await api.ask({ method: "POST", path: "/postern/keys/rotate" });
      return keys(api);
    },
  },
  "withdraw-key": {
    wants: "KID",
    what: "refuse whatever this key has signed, for a key that was stolen",
    changes: true,
    run: async (api, [kid]) => {
      await api.ask({ method: "POST", path: "/postern/keys/withdraw", body: { kid } });
      return keys(api);
    },
  },
  "rotate-secrets": {
    wants: "",
    what: "use new secrets behind refresh tokens; nobody is logged out",
    changes: true,
    run: async (api) => {
      const { from, until } = await api.ask({ method: "POST", path: "/postern/secrets/rotate" });
      say("Make a new backup of the key ring: an older one lacks the new secrets.");
      return { usedFrom: dateOf(from), olderKeptUntil: dateOf(until) };
    },
  },
  "backup-keys": {
    wants: "FILE",
    what: "write the key ring to a new file, sealed to an RSA key; --key backup-public.pem",
    run: (api, [file = ""], args) => backUpKeys(api, file, option(args, "key")),
  },
  "restore-keys": {
    wants: "FILE",
    what: "restore it where there is none; --key backup-private.pem, --replace to give up other keys that are there",
    changes: true,
    run: (api, [file = ""], args) => restoreKeys(api, file, option(args, "key"), args.includes("--replace")),
  },
  export: {
    wants: "USER",
    what: "everything that is stored about a user, as JSON lines; --issuer ID, --cursor CURSOR to go on",
    run: (api, [userId = ""], args) => exportOf(api, userId, args),
  },
  "export-all": {
    wants: "[FILE]",
    what: "everything that is stored about everybody, as JSON lines; again with the same FILE, or with --after POSITION, it goes on",
    run: (api, [file], args) => exportAll(api, file, args),
  },
  erase: {
    wants: "USER",
    what: "end a user's sessions and erase what is stored about the user; --issuer ID",
    changes: true,
    run: (api, [userId = ""], args) => erased(api, userId, args),
  },
  explain: {
    wants: "METHOD URL",
    what: "which gateway rule a request meets, and what becomes of it; --token TOKEN (put where its issuer's tokens count), --header 'name: value' (as often as needed)",
    run: (api, [method, url], args) => api.ask({ method: "POST", base: "auth", path: "/explain", body: { method, url, ...credentials(args) } }),
  },
};
/** Options with a value. Everything else that begins with `--` is a switch. */
const OPTIONS = ["url", "core-path", "base-path", "token", "header", "env", "config", "issuer", "tenant", "cursor", "after", "namespace", "key"];

/** Every session with its facts, newest first where the deployment tells; `issuer` is left out, because all are its own. @param {Api} api @param {string} userId */
async function sessionsOf(api, userId) {
  try {
    const found = [];
    for (let cursor; ; ) {
      const page = await api.ask({ path: "/postern/sessions", query: { userId, ...(cursor && { cursor }) } });
      found.push(...page.sessions);
      cursor = page.next ?? page.cursor;
      if (!cursor) return { sessions: found };
    }
  } catch (error) {
    if (!(error instanceof NotThere)) throw error;
  }
  // A release that does not know that path.
  const { sessionHandles } = await api.ask({ path: "/recipe/session/user", query: { userId, fetchAcrossAllTenants: "true" } });
  const facts = [];
  for (const handle of sessionHandles) {
    const { status, tenantId, timeCreated, expiry } = await api.ask({ path: "/recipe/session", query: { sessionHandle: handle } });
    if (status === "OK") facts.push({ handle, tenantId, created: dateOf(timeCreated), expires: dateOf(expiry) });
  }
  return { sessions: facts };
}

/** @param {string} userId @param {string[]} args */
function personOf(userId, args) {
  const [issuer, tenantId] = [option(args, "issuer"), option(args, "tenant")];
  return { userId, ...(issuer && { issuer }), ...(tenantId && { tenantId }) };
}

/** Writes a line for each record as it comes; where it breaks off, stderr says how to go on. @param {Api} api @param {string} userId @param {string[]} args */
async function exportOf(api, userId, args) {
  let cursor = option(args, "cursor");
  do {
    let page;
    try {
      page = await api.ask({ path: "/postern/users/export", query: { ...personOf(userId, args), ...(cursor && { cursor }) } });
    } catch (error) {
      if (cursor) say(`broken off: go on with --cursor ${cursor}`);
      throw error;
    }
    for (const record of page.records) process.stdout.write(`${JSON.stringify(record)}\n`);
    cursor = page.cursor;
  } while (cursor);
}

/** @param {Api} api @param {string} userId @param {string[]} args */
async function erased(api, userId, args) {
  for (let sum = 0; ; ) {
    const { erased: count, more } = await api.ask({ method: "POST", path: "/postern/users/erase", body: personOf(userId, args) });
    sum += count;
    if (!more) return { erased: sum };
    say(`${sum} sessions erased so far`);
  }
}

const dateOf = (/** @type {number} */ milliseconds) => new Date(milliseconds).toISOString();
const removed = (/** @type {Api} */ api, /** @type {object} */ body) => api.ask({ method: "POST", path: "/recipe/session/remove", body });

/** The newest last: it signs, or is about to. @param {Api} api */
async function keys(api) {
  const set = await api.ask({ base: "auth", path: "/jwt/jwks.json" });
  return { keys: set.keys.map((/** @type {{kid: string, alg: string}} */ { kid, alg }) => ({ kid, alg })) };
}

/** @param {string} text */
function millisecondsOf(text) {
  const time = text === "now" ? Date.now() : /^\d{13}$/.test(text) ? Number(text) : /^\d{4}-\d{2}-\d{2}T.*(Z|[+-]\d{2}:\d{2})$/.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(time)) throw new StepFailed(`${text} is no time: write it as 2026-11-26T14:05:00Z, or now`);
  return time;
}

/** @param {string[]} args */
function credentials(args) {
  const token = option(args, "token");
  const headers = args.flatMap((arg, at) => (arg === "--header" ? [args[at + 1] ?? ""] : arg.startsWith("--header=") ? [arg.slice("--header=".length)] : []));
  const fields = headers.map((header) => header.match(/^([^:]+):\s*(.*)$/) ?? fail("--header wants 'name: value'"));
  return { ...(token && { token }), ...(fields.length > 0 && { headers: Object.fromEntries(fields.map(([, name, value]) => [String(name).toLowerCase(), value])) }) };
}

/** @param {string} why @returns {never} */
function fail(why) {
  throw new StepFailed(why);
}

/** What is neither an option nor the value of one. @param {string[]} args */
const plain = (args) => args.filter((arg, at) => !arg.startsWith("--") && !OPTIONS.includes(args[at - 1]?.replace(/^--/, "") ?? ""));

function usage() {
  const lines = Object.entries(COMMANDS).map(([name, { wants, what }]) => `  ${`${name} ${wants}`.padEnd(22)}${what}`);
  return [
    "usage: npm run admin -- COMMAND … [--url https://auth.example.com] [--yes]",
    ...lines,
    "Without --url the server of `npm start` is asked. The key of a deployment comes from POSTERN_API_KEY.",
    "What changes a deployment that is not on this machine needs --yes.",
  ].join("\n");
}

await main(async () => {
  const args = process.argv.slice(2);
  const [name = "", ...given] = plain(args);
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    say(usage());
    process.exitCode = 1;
    return;
  }
  const wanted = command.wants.split(" ").filter((word) => /^[A-Z]+$/.test(word)).length;
  const most = command.wants.endsWith("…") ? Infinity : wanted + (/^\[/.test(command.wants) ? 1 : 0);
  if (given.length < wanted || given.length > most) throw new StepFailed(`usage: npm run admin -- ${name} ${command.wants}`);
  const api = adminApi(args);
  if (command.changes && !api.isLocal && !args.includes("--yes")) throw new StepFailed(`${name} changes ${api.origin}: add --yes`);
  const said = await command.run(api, given, args);
  // What was written as it came.
  if (said === undefined) return;
  const { status, ...answer } = /** @type {any} */ (said);
  process.stdout.write(`${JSON.stringify(answer, undefined, 2)}\n`);
});
