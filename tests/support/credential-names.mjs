// @ts-check
// The names under which credentials travel, as the Worker has them: read from its source, so that there is one list.
import { readFileSync } from "node:fs";

const source = readFileSync(new URL("../../crates/core/src/http/credential_names.rs", import.meta.url), "utf8");
const constants = new Map([...source.matchAll(/^(?:pub )?const (\w+): &str = "([^"]+)";/gm)].map(([, name, value]) => [name, value]));

/** @param {string} name of a constant */
function text(name) {
  const value = constants.get(name);
  if (value === undefined) throw new Error(`crates/core/src/http/credential_names.rs has no ${name}`);
  return value;
}

/** @param {string} name of a list */
function list(name) {
  const members = new RegExp(`^const ${name}: [^=]+= \\[([^\\]]+)\\];`, "m").exec(source)?.[1];
  if (members === undefined) throw new Error(`crates/core/src/http/credential_names.rs has no ${name}`);
  return members.split(",").map((member) => member.trim()).filter(Boolean).map((member) => (member.startsWith('"') ? JSON.parse(member) : text(member)));
}

const headers = list("HEADERS");
const cookies = list("COOKIES").map((name) => name.toLowerCase());
const prefix = text("SDK_PREFIX");
const devicePrefix = text("DEVICE_PREFIX").toLowerCase();

/** Cookies that hold a token. */
export const tokenCookies = ["ACCESS_TOKEN", "REFRESH_TOKEN", "LEGACY_ID", "HEADER_ACCESS_TOKEN", "HEADER_REFRESH_TOKEN"].map(text);

/** Whether a request header carries a credential, or may. @param {string} name */
export function carries(name) {
  const lower = name.toLowerCase();
  return lower === "authorization" || lower === "cookie" || headers.includes(lower) || (lower.startsWith(prefix) && lower !== text("AUTH_MODE")) || lower.startsWith(text("DEVICE_HEADER_PREFIX"));
}

/** Whether a cookie is one of a session. @param {string} name */
export function isOurCookie(name) {
  const lower = name.toLowerCase().replace(/^__(host|secure)-/, "");
  return cookies.includes(lower) || lower.startsWith(prefix) || lower.startsWith(devicePrefix);
}
