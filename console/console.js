// @ts-check
// The operator's console. Every request goes to `api/…` beside this page; what it shows and does is described in docs/console.md.
import { button, card, code, deviceName, el, facts, field, length, span, table, valueOf, when } from "./view.js";

/** @typedef {{handle: string, userId: string, tenantId: string, timeCreated: number, lastSeen: number, expiry: number, madeBy?: string, deviceBound?: number, dpopJkt?: string, device?: {userAgent?: string, ip?: string, country?: string}, ended?: {time: number, reason: string, by?: string}}} Session */
/** @typedef {{release: string, protocol: number, apiDomain: string, signsOut: boolean, now: number, counts: string,
 *   keys: {nextChange: number, asOf: number, version: number, list: {kid: string, algorithm: string, kind: string, created: number, signsFrom: number, goodUntil?: number, signs: boolean}[]},
 *   freshness: {shards: number, age?: number, bound: number, entries: number, segments: number, bytes: number, notBefore: number},
 *   issuers: {id: string, issuer: string, address: string, age?: number, keys: string[], trouble?: string}[],
 *   settings: {name: string, given: boolean, value: string}[]}} Overview */

const get = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
const main = get("main");

/** A request that was refused, or not answered. */
class Refused extends Error {}
/** Nobody is signed in. */
class SignedOut extends Error {}

/**
 * Asks the console's own API.
 * @param {string} path @param {object} [body] makes it a POST @returns {Promise<any>}
 */
async function ask(path, body) {
  const init = body === undefined ? {} : { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  let response;
  try {
    response = await fetch(`api/${path}`, { ...init, cache: "no-store" });
  } catch {
    throw new Refused("Postern cannot be reached.");
  }
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  if (response.status === 401) throw new SignedOut();
  throw new Refused(answer.message ?? `Postern answered with status ${response.status}.`);
}

/** @param {string} text @param {boolean} [isBad] */
function say(text, isBad = false) {
  get("status").textContent = text;
  get("status").className = isBad ? "bad" : "";
}

/** Runs what a button or a form starts, and says how it ended. @param {() => unknown} work */
async function run(work) {
  say("");
  main.setAttribute("aria-busy", "true");
  try {
    await work();
  } catch (error) {
    if (error instanceof SignedOut) signIn("You are signed out.");
    else if (error instanceof Refused) say(error.message, true);
    else throw error;
  } finally {
    main.removeAttribute("aria-busy");
  }
}

/** Asks the operator before something cannot be taken back. @param {string} title @param {string} text @param {string} yes @returns {Promise<boolean>} */
function confirmed(title, text, yes) {
  const dialog = /** @type {HTMLDialogElement} */ (get("confirm"));
  get("confirm-title").textContent = title;
  get("confirm-text").textContent = text;
  get("confirm-yes").textContent = yes;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }));
}

/** @param {string} [why] */
function signIn(why) {
  get("nav").hidden = true;
  get("sign-out").hidden = true;
  const form = el(
    "form", { onsubmit: (/** @type {Event} */ event) => (event.preventDefault(), run(enter)) },
    field("key", "API key", { type: "password", autocomplete: "off", required: true, spellcheck: "false" }, "One of the deployment's API_KEYS. You stay signed in for an hour, in this browser only."),
    el("div", { class: "actions" }, el("button", { class: "main" }, "Sign in")),
  );
  main.replaceChildren(el("section", { class: "card narrow" }, el("h2", {}, "Sign in"), form));
  if (why) say(why);
}

async function enter() {
  try {
    await ask("sign-in", { apiKey: valueOf("key") });
  } catch (error) {
    if (error instanceof SignedOut) throw new Refused("The API key is not accepted.");
    throw error;
  }
  await show();
}

// People

const ENDINGS = /** @type {Record<string, string>} */ ({
  signed_out: "signed out", revoked: "ended", revoked_with_all: "ended with all", displaced: "displaced by newer ones", expired: "expired",
  theft: "a refresh token was stolen", cut_off: "everybody's were ended", device_key_missing: "its device was not shown",
});
const WHO = /** @type {Record<string, string>} */ ({ user: "the user", rpc: "a Worker", service_api: "a backend", origin: "an origin", exchange: "a token of a trusted issuer", console: "an operator here", former_core: "the former core" });

/** The program's name, which opens what it sent; the latter alone where there is no name for it. @param {Session} session */
function device({ device: { userAgent, ip, country } = {} }) {
  const name = userAgent && deviceName(userAgent);
  const program = name ? el("details", {}, el("summary", {}, name), code(userAgent)) : userAgent || "not known";
  return el("span", {}, program, el("span", { class: "note" }, [country, ip].filter(Boolean).join(", ")));
}

function people() {
  const form = el(
    "form", { class: "row", role: "search", onsubmit: (/** @type {Event} */ event) => (event.preventDefault(), run(find)) },
    field("person", "User id, or handle of a session", { required: true, autocomplete: "off", spellcheck: "false" }),
    el("button", { class: "main" }, "Find"),
  );
  const before = el(
    "form", { class: "row", onsubmit: (/** @type {Event} */ event) => (event.preventDefault(), run(endBefore)) },
    field("before", "Created before", { type: "datetime-local", step: "1", required: true }),
    el("button", { class: "danger" }, "End everybody's"),
  );
  return [
    card("Find a person", form), el("div", { id: "found" }),
    card("After a breach", el("p", { class: "note" }, "Ends the sessions of everybody that were created before a moment. People sign in again. It takes half a minute until every isolate knows."), before),
  ];
}

async function find() {
  const text = valueOf("person");
  const isHandle = /^(x\.|[a-z2-7]{26}\.[a-z2-7]{26}\.[a-z2-7]{13})/.test(text);
  const userId = isHandle ? (await ask(`session?${new URLSearchParams({ handle: text })}`)).session.userId : text;
  await showPerson(userId, isHandle ? text : undefined);
}

/** @param {string} userId @param {string} [marked] the handle that was looked for */
async function showPerson(userId, marked) {
  const page = (/** @type {string} */ ended, /** @type {string} */ cursor = "") => ask(`sessions?${new URLSearchParams({ userId, ended, ...(cursor && { cursor }) })}`);
  const [live, ended] = await Promise.all([page("false"), page("true")]);
  const again = () => showPerson(userId, marked);
  const name = (/** @type {Session} */ session) => el("span", {}, code(session.handle), el("span", { class: "note" }, [session.tenantId !== "public" && `tenant ${session.tenantId}`, session.madeBy && `made by ${WHO[session.madeBy] ?? session.madeBy}`, session.deviceBound && "bound to its device", session.dpopJkt && "bound to a key of its client", session.handle === marked && "the one that you looked for"].filter(Boolean).join(", ")));
  const liveRow = (/** @type {Session} */ session) => [name(session), device(session), when(session.timeCreated), when(session.lastSeen), when(session.expiry), button("End", () => run(() => endOne(session, again)), "danger")];
  const endedRow = (/** @type {Session} */ session) => [
    name(session), device(session), when(session.timeCreated), when(session.ended?.time),
    `${ENDINGS[session.ended?.reason ?? ""] ?? session.ended?.reason}${session.ended?.by ? `, by ${WHO[session.ended.by] ?? session.ended.by}` : ""}`,
  ];
  const liveColumns = ["Session", "Device", "Created", "Last seen", "Ends", ""];
  const endedColumns = ["Session", "Device", "Created", "Ended", "Why"];
  const list = (/** @type {string} */ title, /** @type {any} */ first, /** @type {string} */ isEnded, /** @type {string[]} */ columns, /** @type {(session: Session) => any[]} */ row) => {
    const sessions = [...first.sessions];
    let cursor = first.cursor;
    const place = el("div", {});
    const draw = () => {
      const more = cursor && button("Show more", () => run(async () => {
        const next = await page(isEnded, cursor);
        sessions.push(...next.sessions);
        cursor = next.cursor;
        draw();
      }));
      place.replaceChildren(sessions.length > 0 ? table(title, columns, sessions.map(row)) : el("p", { class: "soft" }, "None."), more ? el("div", { class: "actions" }, more) : "");
    };
    draw();
    return place;
  };
  const found = get("found");
  found.replaceChildren(
    card(
      `Live sessions of ${userId}`, list("Live sessions", live, "false", liveColumns, liveRow),
      live.sessions.length > 0 && el("div", { class: "actions" }, button("End all of this user's", () => run(() => endAll(userId, again)), "danger")),
    ),
    card(`Ended sessions of ${userId}`, list("Sessions that have ended lately", ended, "true", endedColumns, endedRow)),
  );
}

/** @param {Session} session @param {() => Promise<void>} again */
async function endOne({ handle, userId }, again) {
  if (!(await confirmed("End this session?", `${userId} is signed out on that device.`, "End the session"))) return;
  const { ended } = await ask("sessions/end", { handles: [handle] });
  await again();
  say(ended.length > 0 ? "The session has ended." : "The session had ended before.");
}

/** @param {string} userId @param {() => Promise<void>} again */
async function endAll(userId, again) {
  if (!(await confirmed("End all sessions of this user?", `${userId} is signed out everywhere.`, "End all sessions"))) return;
  const { ended } = await ask("sessions/end", { userId });
  await again();
  say(`${ended.length} ${ended.length === 1 ? "session has" : "sessions have"} ended.`);
}

async function endBefore() {
  const time = new Date(valueOf("before")).getTime();
  if (Number.isNaN(time)) throw new Refused("That is no time.");
  if (!(await confirmed("End everybody's sessions?", `All sessions of all users that were created before ${new Date(time).toLocaleString()} end. This cannot be taken back.`, "End everybody's sessions"))) return;
  say("It takes half a minute until every isolate knows.");
  await ask("revoke-before", { time });
  say("Everybody's sessions from before that moment have ended.");
}

// Keys

/** @param {Overview} overview */
function keys({ keys: { list, nextChange, version } }) {
  const newestFirst = [...list].sort((a, b) => b.created - a.created);
  const state = (/** @type {typeof list[0]} */ key) => (key.signs ? el("span", { class: "good" }, "signs") : key.signsFrom > Date.now() ? "signs later" : "signs no more");
  const rows = newestFirst.map((key) => [
    code(key.kid), `${key.algorithm}, ${key.kind}`, state(key), when(key.created), key.goodUntil === undefined ? "for good" : when(key.goodUntil),
    key.kind === "assertion" ? "" : button("Withdraw", () => run(() => withdraw(key.kid)), "danger"),
  ]);
  return [
    card(
      "Signing keys", facts([["The next key is made", when(nextChange)], ["Version of the key set", version]]),
      table("Keys whose tokens are accepted", ["Key", "Kind", "State", "Made", "Good until", ""], rows),
      el("div", { class: "actions" }, button("Rotate now", () => run(rotate))),
      el("p", { class: "note" }, "Rotating: a new key signs from now on, and what older ones signed stays good. Withdraw a key that was stolen: whatever it signed is refused, within a minute everywhere."),
    ),
  ];
}

async function rotate() {
  await ask("keys/rotate", {});
  await show();
  say("A new key signs from now on.");
}

/** @param {string} kid */
async function withdraw(kid) {
  if (!(await confirmed("Withdraw this key?", `Every access token that ${kid} has signed is refused. Sessions go on with their next refresh.`, "Withdraw the key"))) return;
  await ask("keys/withdraw", { kid });
  await show();
  say("The key is withdrawn.");
}

// State

/** @param {Overview} overview */
function state({ freshness, issuers, counts, keys: { asOf } }) {
  const { shards, age, bound, entries, segments, bytes, notBefore } = freshness;
  const isLate = age === undefined || age > bound;
  const rows = issuers.map((issuer) => [
    el("span", {}, code(issuer.id), el("span", { class: "note" }, issuer.issuer)), issuer.address,
    issuer.age === undefined ? "not fetched by this isolate" : span(-issuer.age), issuer.keys.join(", ") || "none",
    issuer.trouble ? el("span", { class: "bad" }, issuer.trouble) : "none",
  ]);
  const lines = counts.split("\n").filter((line) => line && !line.startsWith("#")).map((line) => /^(\w+)(?:\{(.*)\})? (\S+)/.exec(line)).filter((found) => found !== null);
  return [
    card(
      "Freshness of revocations",
      facts([
        ["Age of this isolate's copy", age === undefined ? el("span", { class: "bad" }, "there is none yet") : el("span", { class: isLate ? "bad" : "good" }, length(age))],
        ["Bound that it has to keep", length(bound)], ["Entries", `${entries}, and ${segments} ${segments === 1 ? "segment" : "segments"} of older ones`], ["Size", `${Math.ceil(bytes / 1024)} KiB`],
        ["Shards", shards], ["Key ring's copy is from", when(asOf)], ["Sessions from before this have ended", notBefore === 0 ? "no such moment" : when(notBefore)],
      ]),
      el("p", { class: "note" }, "While the copy is older than the bound, users' objects are asked: requests take longer, and revocations are felt in time all the same."),
    ),
    card("Trusted issuers", issuers.length > 0 ? table("Key sets as this isolate holds them", ["Issuer", "Keys are", "Last fetched", "Keys", "Last error"], rows) : el("p", { class: "soft" }, "None.")),
    card(
      "Live counts", el("p", { class: "note" }, "Of the isolate that answered, since it started. Those of all are in Workers Analytics Engine (docs/metrics.md)."),
      lines.length > 0 ? table("Counts", ["Metric", "Labels", "Count"], lines.map(([, name, labels = "", count]) => [code(name), labels, count])) : el("p", { class: "soft" }, "Nothing was counted yet."),
    ),
  ];
}

// Explain

function explain() {
  const form = el(
    "form", { onsubmit: (/** @type {Event} */ event) => (event.preventDefault(), run(explained)) },
    el("div", { class: "row" }, field("method", "Method", { value: "GET", size: "8", required: true }), field("url", "URL", { type: "url", required: true, placeholder: "https://app.example.com/account" })),
    field("token", "Access token", { tag: "textarea", spellcheck: "false", autocomplete: "off" }, "If the request has one. It is sent to this deployment, and stored nowhere."),
    el("div", { class: "actions" }, el("button", { class: "main" }, "Explain")),
  );
  return [card("What becomes of a request", form, el("div", { id: "explanation", "aria-live": "polite" }))];
}

async function explained() {
  const token = valueOf("token");
  const answer = await ask("explain", { method: valueOf("method"), url: valueOf("url"), ...(token && { token }) });
  get("explanation").replaceChildren(el("h3", {}, "Answer"), el("pre", { tabindex: "0" }, JSON.stringify(answer, undefined, 2)));
}

// Settings

/** @param {Overview} overview */
function settings({ settings: list, release, protocol, apiDomain }) {
  const row = (/** @type {Overview["settings"][0]} */ { name, given, value }) => [code(name), code(value), given ? "set" : "default"];
  return [
    card("Release", facts([["Release", release], ["Protocol number between isolates and objects", protocol], ["Address", apiDomain]])),
    card("Settings in force", el("p", { class: "note" }, "Of the isolate that answered. Secrets are not shown."), table("Settings", ["Name", "Value", "From"], [...list].sort((a, b) => Number(b.given) - Number(a.given)).map(row))),
  ];
}

// The page

const SECTIONS = /** @type {Record<string, [string, (overview: Overview) => Node[]]>} */ ({
  people: ["People", people], keys: ["Keys", keys], state: ["State", state], explain: ["Explain", explain], settings: ["Settings", settings],
});

/** Shows the section that the address names, with what is known now. */
async function show() {
  const overview = /** @type {Overview} */ (await ask("overview"));
  const named = location.hash.slice(1);
  const current = Object.hasOwn(SECTIONS, named) ? named : "people";
  const link = (/** @type {string} */ name) => el("a", { href: `#${name}`, ...(name === current && { "aria-current": "page" }) }, SECTIONS[name][0]);
  get("nav").replaceChildren(...Object.keys(SECTIONS).map(link));
  get("nav").hidden = false;
  get("sign-out").hidden = !overview.signsOut;
  get("release").textContent = `release ${overview.release}`;
  main.replaceChildren(...SECTIONS[current][1](overview));
  document.title = `${SECTIONS[current][0]} – Postern console`;
}

addEventListener("hashchange", () => run(async () => {
  await show();
  main.focus({ preventScroll: true });
  scrollTo(0, 0);
}));
get("sign-out").addEventListener("click", () => run(async () => {
  await ask("sign-out", {});
  signIn("You are signed out.");
}));
try {
  await show();
} catch (error) {
  if (error instanceof SignedOut) signIn();
  else say(error instanceof Error ? error.message : String(error), true);
}
