// Stands between Postern's Workers and its Durable Objects, so that an object can be out while everything else goes on.
//
// It has a class for each of Postern's, whose object of a name hands every request to Postern's object of that name.
// `ObjectFaultControl` is the test's side; faults and calls live in this isolate.
import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";

/**
 * @typedef {object} ObjectFault
 * @property {string} className of which objects are out
 * @property {string} [name] only the object of this name
 * @property {string} [call] only this call
 * @property {"refuse" | "hang" | "slow" | "lost answer" | "held answer" | "unknown call"} outcome "unknown call": what the key ring of a release says that has not this call;
 *   "held answer": it is carried out, and its answer comes once no fault of this outcome fits the call any more
 */

/** @type {ObjectFault[]} */
let faults = [];
/** @type {{className: string, name: string, call: string}[]} */
let calls = [];

/** What a message asks for; nothing of a request without one. @param {string} body */
const named = (body) => (body === "" ? "" : (Object.keys(JSON.parse(body).call ?? {})[0] ?? ""));

/** @param {string} className @param {string} binding */
const inFrontOf = (className, binding) =>
  class extends DurableObject {
    async fetch(request) {
      const { name } = this.ctx.id;
      const body = await request.text();
      const call = named(body);
      calls.push({ className, name, call });
      const fits = (fault) => fault.className === className && (fault.name ?? name) === name && (fault.call ?? call) === call;
      const outcome = faults.find(fits)?.outcome;
      if (outcome === "refuse") return new Response("out", { status: 503 });
      if (outcome === "unknown call") return Response.json({ fault: "Unsupported" }, { status: 400 });
      if (outcome === "slow") await new Promise((resolve) => setTimeout(resolve, 500));
      if (outcome === "hang") await new Promise((resolve) => setTimeout(resolve, 60_000));
      const answer = await this.env[binding].get(this.env[binding].idFromName(name)).fetch(request.url, { method: request.method, body });
      if (outcome === "lost answer") return new Response("out", { status: 503 });
      while (faults.find(fits)?.outcome === "held answer") await new Promise((resolve) => setTimeout(resolve, 10));
      return answer;
    }
  };

export class UserSessions extends inFrontOf("UserSessions", "USER_SESSIONS") {}
export class KeyRing extends inFrontOf("KeyRing", "KEY_RING") {}
export class Revocations extends inFrontOf("Revocations", "REVOCATIONS") {}

/** The test's side, as `POST /METHOD` with a JSON list of arguments. */
export class ObjectFaultControl extends WorkerEntrypoint {
  async fetch(request) {
    const [value] = await request.json();
    const method = new URL(request.url).pathname.slice(1);
    if (method === "setFaults") faults = value;
    else if (method === "clearCalls") calls = [];
    else if (method !== "calls") return new Response("no such method", { status: 404 });
    return Response.json(method === "calls" ? calls : null);
  }
}

export default {
  fetch: () => new Response("only its objects are used", { status: 404 }),
};
