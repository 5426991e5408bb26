// The way to an origin and back, as far as it must be JavaScript: headers go over as one text, because each crossing to
// Wasm costs more than what happens there. What goes into those texts is Rust's to say.

/** In place of an answer: none came in time, or none came at all. */
const LATE = 504;
const GONE = 502;

/** Headers as lines `name,value`; `Set-Cookie` has a line for each. @param {Headers} headers */
export function linesOf(headers) {
  let lines = "";
  headers.forEach((value, name) => (lines += `${name},${value}\n`));
  return lines;
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
 * Sends a request on; resolves to the answer, or to `LATE` or `GONE`, or to what `finish` makes of either. The time-out is
 * for the head of the answer.
 * @param {Request} request @param {string} url @param {string} edits @param {string[] | undefined} told names and values
 * @param {Fetcher | undefined} binding @param {number} ms @param {RequestInit | undefined} init
 * @param {(outcome: Response | number) => unknown} [finish]
 */
export function send(request, url, edits, told, binding, ms, init, finish = (outcome) => outcome) {
  return new Promise((resolve) => {
    let isOver = false;
    const done = (outcome) => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      try {
        resolve(finish(outcome));
      } catch {
        // What an origin sends need not be an answer that can be made: a status of 999, for one.
        resolve(finish(GONE));
      }
    };
    const timer = setTimeout(done, ms, LATE);
    try {
      // A Worker that is bound sees `cf` of the request, which is not to be lost.
      const cf = init && (binding ? { ...request.cf, ...init.cf } : init.cf);
      // Made in one step where it can be: `init` for `fetch` would be a second copy. A body goes with its request only.
      const isWhole = cf !== undefined && request.body === null;
      const outgoing = isWhole
        ? new Request(url, { method: request.method, headers: request.headers, redirect: "manual", cf })
        : new Request(url, request);
      edit(outgoing.headers, edits);
      for (let at = 0; at < (told?.length ?? 0); at += 2) outgoing.headers.set(told[at], told[at + 1]);
      const rest = isWhole || cf === undefined ? undefined : { cf };
      const answer = binding ? binding.fetch(outgoing, rest) : fetch(outgoing, rest);
      answer.then(done, () => done(GONE));
    } catch {
      done(GONE);
    }
  });
}

/**
 * `send`, with the answer as the client gets it. `judge` says what to make of it: nothing, edits, or another answer.
 * @param {(status: number, lines: string, rule: number, website: string | undefined, request: Request, env: unknown) => string | Response | undefined} judge
 */
export const forwarding = (judge) => (request, url, edits, told, binding, ms, init, rule, env) => {
  const finish = (answer) => {
    const website = request.headers.get("origin") ?? undefined;
    if (typeof answer === "number") return judge(-answer, "", rule, website, request, env);
    const verdict = judge(answer.status, linesOf(answer.headers), rule, website, request, env);
    if (verdict === undefined) return answer;
    return typeof verdict === "string" ? edited(answer, verdict) : verdict;
  };
  return send(request, url, edits, told, binding, ms, init, finish);
};
