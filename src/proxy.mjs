// The way to an origin and back, as far as it must be JavaScript: headers go over as one text, because each crossing to
// Wasm costs more than what happens there. What goes into those texts is Rust's to say.
import { inTime } from "./flights.mjs";
import { continueIn, startSpan, traceparentOf } from "./tracing.mjs";

/** In place of an answer: none came in time, or none came at all. */
const LATE = 504;
const GONE = 502;

const encoder = new TextEncoder();
const buffer = new Uint8Array(65_536);

/** Headers as lines `name,value`, in bytes to be used at once; `Set-Cookie` has a line for each. @param {Headers} headers */
export function linesOf(headers) {
  let lines = "";
  headers.forEach((value, name) => (lines += `${name},${value}\n`));
  // UTF-8 takes at most three bytes for a unit of a string.
  if (lines.length * 3 > buffer.length) return encoder.encode(lines);
  return buffer.subarray(0, encoder.encodeInto(lines, buffer).written);
}

/** Changes headers: a line `name` deletes, a line `name,value` appends. @param {Headers} headers @param {string} edits */
function edit(headers, edits) {
  for (const line of edits.split("\n")) {
    const at = line.indexOf(",");
    if (at < 0) headers.delete(line);
    else headers.append(line.slice(0, at), line.slice(at + 1));
  }
}

/** An answer with other headers; its body passes as it is. @param {Response} answer @param {string} edits */
export function edited(answer, edits) {
  const changed = new Response(answer.body, answer);
  edit(changed.headers, edits);
  return changed;
}

/**
 * A request on its way.
 * @param {Request} request @param {string} url @param {string} edits @param {string[] | undefined} identityHeaders names and values
 * @param {Fetcher | undefined} binding @param {RequestInit | undefined} init @param {string | undefined} traceparent
 */
function sent(request, url, edits, identityHeaders, binding, init, traceparent) {
  const change = (headers) => {
    edit(headers, edits);
    for (let at = 0; at < (identityHeaders?.length ?? 0); at += 2) headers.set(identityHeaders[at], identityHeaders[at + 1]);
    if (traceparent !== undefined) continueIn(headers, traceparent);
  };
  // A Worker that is bound sees `cf` of the request, which is not to be lost.
  const cf = init && (binding ? { ...request.cf, ...init.cf } : init.cf);
  if (cf !== undefined && request.body === null) {
    // In one step: a `Request` in between would be a second copy of everything.
    const headers = new Headers(request.headers);
    change(headers);
    const outgoing = { method: request.method, headers, redirect: "manual", cf };
    return binding ? binding.fetch(url, outgoing) : fetch(url, outgoing);
  }
  // A body goes with its request only.
  const outgoing = new Request(url, request);
  change(outgoing.headers);
  const rest = cf === undefined ? undefined : { cf };
  return binding ? binding.fetch(outgoing, rest) : fetch(outgoing, rest);
}

/**
 * Sends a request on; resolves to the answer, or to `LATE` or `GONE`. The time-out is for the head of the answer.
 * @param {Request} request @param {string} url @param {string} edits @param {string[] | undefined} identityHeaders names and values
 * @param {Fetcher | undefined} binding @param {number} ms @param {RequestInit | undefined} init
 * @returns {Promise<Response | number>}
 */
export function send(request, url, edits, identityHeaders, binding, ms, init) {
  const span = startSpan("postern.origin", "");
  const traceparent = span && traceparentOf(span);
  let answer;
  try {
    answer = sent(request, url, edits, identityHeaders, binding, init, traceparent);
  } catch {
    span?.end();
    return Promise.resolve(GONE);
  }
  const outcome = inTime(answer, ms, LATE).catch(() => GONE);
  if (span === undefined) return outcome;
  return outcome.then((answer) => {
    span.end();
    return traceparent === undefined ? answer : withTrace(answer, traceparent);
  });
}

/** The answer with its trace, for who asked. An upgrade, and what cannot be made anew, stays as it is. @param {Response | number} answer @param {string} traceparent */
function withTrace(answer, traceparent) {
  if (typeof answer === "number" || answer.status === 101) return answer;
  try {
    return edited(answer, `server-timing,traceparent;desc="${traceparent}"`);
  } catch {
    return answer;
  }
}

/** Verdicts that depend on nothing but what they are kept under. @type {Map<string, string>} */
const verdicts = new Map();
const MOST_VERDICTS = 256;
const LONGEST_KEY = 2_048;

/** Everything that a verdict may depend on which need not be asked for anew: the values of these two repeat from answer to answer. */
const verdictKey = ({ status, headers }, rule, website) =>
  `${status} ${rule} ${website === undefined ? "" : `o${website}`}\n${headers.get("cache-control")}\n${headers.get("vary")}\n${[...headers.keys()].join("\n")}`;

/**
 * `send`, with the answer as the client gets it. `judge` says what to make of it: another answer, or `=` or `~` and edits;
 * with `=` they are the same for every answer with this status, these names and these two values, by this rule, for this website.
 * @param {(status: number, lines: Uint8Array, rule: number, website: string | undefined, request: Request, env: unknown) => string | Response} judge
 * @param {(status: number, rule: number, took: number) => void} measure `took`: milliseconds until the answer began
 */
export const forwarding = (judge, measure) => (request, url, edits, identityHeaders, binding, ms, init, rule, env) => {
  const finish = (answer) => {
    const website = request.headers.get("origin") ?? undefined;
    if (typeof answer === "number") return judge(-answer, new Uint8Array(), rule, website, request, env);
    const key = verdictKey(answer, rule, website);
    let verdict = verdicts.get(key);
    if (verdict === undefined) {
      const judged = judge(answer.status, linesOf(answer.headers), rule, website, request, env);
      if (typeof judged !== "string") return judged;
      verdict = judged.slice(1);
      if (judged.startsWith("=") && key.length <= LONGEST_KEY) {
        if (verdicts.size >= MOST_VERDICTS) verdicts.clear();
        verdicts.set(key, verdict);
      }
    }
    return verdict === "" ? answer : edited(answer, verdict);
  };
  const started = Date.now();
  return send(request, url, edits, identityHeaders, binding, ms, init).then((answer) => {
    measure(typeof answer === "number" ? -answer : answer.status, rule, Date.now() - started);
    try {
      return finish(answer);
    } catch {
      // What an origin sends need not be an answer that can be made: a status of 999, for one.
      return finish(GONE);
    }
  });
};
