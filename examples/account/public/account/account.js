// One's own sessions: reads them from Postern's browser API, and ends them.
import Bowser from "./bowser.mjs";

const api = document.documentElement.dataset.api;
const element = (id) => document.getElementById(id);
const REASONS = {
  signed_out: "You signed out",
  revoked: "It was ended",
  revoked_with_all: "It was ended together with others",
  displaced: "There were too many sessions",
  expired: "It was not used for a long time",
  theft: "Somebody else used it: its token was stolen",
  cut_off: "All sessions were ended",
};
const ENDED_BY = { user: "by you, from another session" };

/** A request with the session's cookie; one refresh when its token is too old. */
async function ask(path, body) {
  const send = () =>
    fetch(`${api}${path}`, {
      credentials: "include",
      headers: { rid: "session", ...(body && { "content-type": "application/json" }) },
      ...(body && { method: "POST", body: JSON.stringify(body) }),
    });
  let response = await send();
  if (response.status === 401 && (await response.clone().json()).status === "TRY_REFRESH_TOKEN") {
    const refreshed = await fetch(`${api}/session/refresh`, { method: "POST", credentials: "include", headers: { rid: "session" } });
    if (refreshed.ok) response = await send();
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.status === "UNAUTHORISED" ? "You are not signed in." : "That did not work. Try again in a moment.");
  return answer;
}

/** What people call the device. */
function deviceName(device) {
  if (!device?.userAgent) return "Unknown device";
  const { browser, os, platform } = Bowser.parse(device.userAgent);
  const parts = [browser.name, os.name && `on ${os.name}`].filter(Boolean);
  return parts.length > 0 ? parts.join(" ") : (platform.type ?? "Unknown device");
}

const moment = (time) => {
  const tag = document.createElement("time");
  tag.dateTime = new Date(time).toISOString();
  tag.textContent = new Date(time).toLocaleString("en", { dateStyle: "medium", timeStyle: "short" });
  return tag;
};

function line(...parts) {
  const paragraph = document.createElement("p");
  paragraph.append(...parts);
  return paragraph;
}

function place({ ip, country } = {}) {
  const name = country && new Intl.DisplayNames("en", { type: "region", fallback: "none" }).of(country);
  return [name, ip && `network ${ip}`].filter(Boolean).join(", ");
}

function item(session, heading) {
  const entry = document.createElement("li");
  const title = document.createElement(heading);
  title.textContent = deviceName(session.device);
  entry.append(title, line("Signed in ", moment(session.timeCreated), place(session.device) && `, ${place(session.device)}`));
  if (session.deviceBound) entry.append(line("Only on this device: its session cannot be used anywhere else"));
  return entry;
}

function liveItem(session) {
  const entry = item(session, "h2");
  entry.append(line("Last seen ", moment(session.lastSeen)));
  if (session.current) {
    const current = line("This session");
    current.className = "current";
    entry.append(current);
  }
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = session.current ? "Sign out" : "End";
  button.setAttribute("aria-label", `${button.textContent}: ${deviceName(session.device)}, signed in ${new Date(session.timeCreated).toLocaleString("en")}`);
  const { handle } = session;
  button.addEventListener("click", () => (session.current ? signOut(handle) : end({ handle }, "The session has ended.")));
  entry.append(button);
  return entry;
}

function endedItem(session) {
  const { time, reason, by } = session.ended;
  const entry = item(session, "h3");
  entry.append(line("Ended ", moment(time), `. ${REASONS[reason] ?? "It was ended"}${ENDED_BY[by] ? ` ${ENDED_BY[by]}` : ""}.`));
  return entry;
}

let cursor;
async function load(next) {
  const { sessions, cursor: after } = await ask(`/sessions${next ? `?cursor=${encodeURIComponent(next)}` : ""}`);
  if (!next) element("sessions").replaceChildren();
  element("sessions").append(...sessions.map(liveItem));
  cursor = after;
  element("more").hidden = after === undefined;
  element("others").hidden = element("sessions").children.length < 2 && after === undefined;
}

async function loadEnded() {
  const { sessions } = await ask("/sessions?ended=true");
  element("ended").replaceChildren(...sessions.slice(0, 20).map(endedItem));
  element("ended-title").hidden = sessions.length === 0;
}

/** Does something, and says how it went. */
async function told(work, success) {
  try {
    await work();
    element("status").textContent = success;
  } catch (error) {
    element("status").textContent = error.message;
  }
}

const end = (body, success) =>
  told(async () => {
    await ask("/sessions/end", body);
    await load();
    await loadEnded();
  }, success);

const signOut = (handle) =>
  told(async () => {
    await ask("/sessions/end", { handle });
    for (const id of ["sessions", "ended"]) element(id).replaceChildren();
    for (const id of ["more", "others", "ended-title"]) element(id).hidden = true;
  }, "You are signed out.");

element("more").addEventListener("click", () => told(() => load(cursor), ""));
element("others").addEventListener("click", () => end({ others: true }, "All other sessions have ended."));
await told(async () => {
  await load();
  await loadEnded();
}, "");
