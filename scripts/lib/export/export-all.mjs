// @ts-check
// Everything that is stored about everybody, as JSON lines: object by object, a few asked ahead, so that no more than these few
// answers are ever in memory; and from where it broke off.
import { Outage } from "../admin-api.mjs";
import { StepFailed, say } from "../process.mjs";
import { objectIds } from "./object-ids.mjs";
import { fileSink, stdoutSink } from "./sinks.mjs";
import { option } from "../wrangler-settings.mjs";

/** How many objects are asked at a time. */
const AHEAD = 6;
const PAUSES_MS = [500, 2_000, 5_000];
const TELL_EVERY_MS = 15_000;

/** @typedef {import("../admin-api.mjs").Api} Api */
/**
 * Where an export stands: in the page of objects that a cursor gives (`null`: the first), at an object, and in it: `null` means that all
 * of it is written.
 * @typedef {{page: string | null, object: string, cursor: string | null}} Position
 */

const text = (/** @type {Position} */ { page, object, cursor }) => Buffer.from(JSON.stringify([page, object, cursor])).toString("base64url");

/** @param {string} given @returns {Position} */
function positionOf(given) {
  try {
    const [page, object, cursor] = JSON.parse(Buffer.from(given, "base64url").toString());
    const isText = (/** @type {unknown} */ value) => typeof value === "string" || value === null;
    if (isText(page) && typeof object === "string" && isText(cursor)) return { page, object, cursor };
  } catch {
    // Said below.
  }
  throw new StepFailed("--after wants what an export said when it broke off");
}

/** Writes every record to the file, or to stdout. @param {Api} api @param {string | undefined} file @param {string[]} args */
export async function exportAll(api, file, args) {
  const sink = file === undefined ? stdoutSink() : fileSink(file);
  const given = option(args, "after");
  if (given !== undefined && sink.after !== undefined) throw new StepFailed(`${file}.position says where to go on: leave --after out`);
  const from = given ?? sink.after;
  const start = from === undefined ? undefined : positionOf(from);
  const idsOf = await objectIds(args, api);
  let [records, users, told] = [0, 0, Date.now()];
  let [last, user] = [from, ""];
  try {
    for await (const { position, lines } of pages(api, idsOf, start)) {
      last = text(position);
      await sink.write(lines, last);
      records += lines.length;
      if (lines.length > 0 && position.object !== user) {
        user = position.object;
        users++;
      }
      if (Date.now() - told > TELL_EVERY_MS) {
        told = Date.now();
        say(`${records} records of ${users} users so far`);
      }
    }
  } catch (error) {
    if (file !== undefined) say(`broken off: the same command goes on from ${file}.position`);
    else if (last !== undefined) say(`broken off: go on with --after ${last}`);
    throw error;
  }
  await sink.done();
  say(`${records} records of ${users} users`);
}

/** @param {Api} api @param {(cursor: string | undefined) => Promise<{ids: string[], next: string | undefined}>} idsOf @param {Position | undefined} start */
async function* pages(api, idsOf, start) {
  for (let at = start?.page ?? undefined, from = start, isLast = false; !isLast; from = undefined) {
    const { ids, next } = await repeated(() => idsOf(at));
    const left = ids.filter((id) => from === undefined || (from.cursor === null ? id > from.object : id >= from.object));
    const first = (/** @type {string} */ object) => ask(api, object, object === from?.object ? from.cursor : null);
    for await (const { id: object, value } of ahead(left, first)) {
      let answer = value;
      for (;;) {
        const cursor = answer.cursor ?? null;
        yield { position: { page: at ?? null, object, cursor }, lines: answer.records.map((/** @type {unknown} */ record) => JSON.stringify(record)) };
        if (cursor === null) break;
        answer = await ask(api, object, cursor);
      }
    }
    at = next;
    isLast = next === undefined;
  }
}

/** @param {Api} api @param {string} object @param {string | null} cursor */
const ask = (api, object, cursor) => repeated(() => api.ask({ path: "/postern/users/export", query: { object, ...(cursor !== null && { cursor }) } }));

/** What a question about each id is answered, in order, with a few asked ahead. @template T @param {string[]} ids @param {(id: string) => Promise<T>} question */
async function* ahead(ids, question) {
  /** @type {{id: string, answer: Promise<T>}[]} */
  const waiting = [];
  const left = ids.values();
  for (;;) {
    while (waiting.length < AHEAD) {
      const { value: id, done } = left.next();
      if (done) break;
      const answer = question(id);
      // Told when its turn comes.
      answer.catch(() => {});
      waiting.push({ id, answer });
    }
    const next = waiting.shift();
    if (next === undefined) return;
    yield { id: next.id, value: await next.answer };
  }
}

/** @template T @param {() => Promise<T>} question */
async function repeated(question) {
  for (const pause of PAUSES_MS) {
    try {
      return await question();
    } catch (error) {
      if (!(error instanceof Outage)) throw error;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
  return question();
}
