// What must be JavaScript: the classes that the platform instantiates. Each hands its events to the Rust half.
import { WorkerEntrypoint } from "cloudflare:workers";
import gatewayRules from "../build/gateway.mjs";
import issuers from "../build/issuers.mjs";
import {
  KeyRing as RustKeyRing, Revocations as RustRevocations, UserSessions as RustUserSessions,
  answer_http, answer_in_place, answer_rpc, filter_response, recheck_session, measure_answer, result_in_place,
} from "../build/index.js";
import { answered, encoded, factsOf, instance } from "./executor.mjs";
import { answerAgain, keep, keeping } from "./kept-answers.mjs";
import { edited, forwarding, linesOf, send } from "./proxy.mjs";
import { object } from "./durable-object.mjs";
import { pump } from "./websocket.mjs";

Error.stackTraceLimit = 100;

/** A function of Rust's, to be called at any time. */
const live = (call) => (...values) => {
  instance();
  return call(...values);
};
const recheck = live(recheck_session);

/** What Rust asks of JavaScript. */
const host = {
  keep,
  linesOf,
  send,
  edited,
  forward: forwarding(live(filter_response), live(measure_answer)),
  pump: (answer, wait, ticket, env, ctx) => pump(answer, wait, () => answered(recheck(ticket, env, ctx), ctx, () => UNKNOWN)),
};

/** What `recheck_session` says when nobody knows. */
const UNKNOWN = 0;

// gateway.toml and issuers.toml, as JSON texts. Not handed over once: a Wasm that starts fresh must find them again.
globalThis.posternGatewayRules = gatewayRules;
globalThis.posternIssuers = issuers;

/** One RPC call. */
function ask(name, argument, env, ctx) {
  instance();
  return answered(answer_rpc(name, argument, env, ctx), ctx, result_in_place);
}

/** Gives a class the RPC methods of these names; whatever is not listed here cannot be called. */
function offer(Entrypoint, names) {
  for (const name of names) {
    Entrypoint.prototype[name] = function (argument) {
      return ask(name, argument, this.env, this.ctx);
    };
  }
}

/** The HTTP entry point, and what every edge route may ask. An object and no class: the platform makes an instance for each request. */
export default {
  fetch(request, env, ctx) {
    const current = instance();
    const text = factsOf(request);
    const again = answerAgain(text, request, current);
    if (again !== undefined) return again;
    const bytes = encoded(text);
    // One byte for each unit: then it is as long as the bound on what is kept counts it.
    const keepable = bytes.length === text.length ? text : undefined;
    const answer = keeping(keepable, () => answer_http(bytes, request, env, ctx, host));
    return answered(answer, ctx, () => answer_in_place(request, env));
  },
  ...Object.fromEntries(["getSession", "getSessionForRequest", "getSessionData", "updateSessionData"].map((name) => [name, (argument, env, ctx) => ask(name, argument, env, ctx)])),
};

/** For Workers that only verify. */
export class SessionsVerify extends WorkerEntrypoint {}
offer(SessionsVerify, ["getSession", "getSessionForRequest"]);

/** The whole life of sessions: whoever binds this can log in as anyone. */
export class SessionsAdmin extends WorkerEntrypoint {}
offer(SessionsAdmin, [
  "getSession", "getSessionForRequest", "getSessionData", "updateSessionData",
  "createNewSession", "createNewSessionForRequest", "exchangeToken", "refreshSession",
  "revokeSession", "revokeMultipleSessions", "revokeAllSessionsForUser", "revokeAllSessionsBefore",
  "getAllSessionHandlesForUser", "listSessions", "getSessionInformation", "eraseUser", "exportUser",
  "updateJWTPayload", "mergeIntoAccessTokenPayload", "regenerateAccessToken",
  "rotateSigningKeys", "revokeSigningKey", "rotateSecrets",
]);

/** One user's sessions. */
export class UserSessions extends object(RustUserSessions) {}

/** Which sessions have ended lately. */
export class Revocations extends object(RustRevocations) {}

/** The signing keys, and the secrets behind handles and refresh tokens. */
export class KeyRing extends object(RustKeyRing) {}
