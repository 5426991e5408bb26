// What must be JavaScript: the classes that the platform instantiates. Each hands its events to the Rust half, through
// the prototype that worker-build makes; a call after a trap starts with fresh Wasm.
import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";
import gatewayRules from "../build/gateway.mjs";
import Rust, { KeyRing as RustKeyRing, UserSessions as RustUserSessions } from "../build/index.js";
import { edited, forwarding, linesOf, send } from "./forward.mjs";
import { pump } from "./websocket.mjs";

const { answer_http, answer_rpc, judge_answer, look_at_session } = Rust.prototype;

/** What Rust asks of JavaScript. */
const host = {
  linesOf,
  send,
  edited,
  forward: forwarding(judge_answer),
  pump: (answer, wait, ticket, env, ctx) => pump(answer, wait, () => look_at_session(ticket, env, ctx)),
};

// gateway.toml, as JSON text. Not handed over once: a Wasm that starts fresh must find it again.
globalThis.posternGatewayRules = gatewayRules;

/** Gives a class the RPC methods of these names; whatever is not listed here cannot be called. */
function offer(Entrypoint, names) {
  for (const name of names) {
    Entrypoint.prototype[name] = function (argument) {
      return answer_rpc(name, argument, this.env, this.ctx);
    };
  }
}

/** The HTTP doors, and what every edge route may ask. */
export default class Postern extends WorkerEntrypoint {
  fetch(request) {
    return answer_http(request, this.env, this.ctx, host);
  }
}
offer(Postern, ["getSession", "getSessionData", "updateSessionData"]);

/** For Workers that only verify. */
export class SessionsVerify extends WorkerEntrypoint {}
offer(SessionsVerify, ["getSession"]);

/** The whole life of sessions: whoever binds this can log in as anyone. */
export class SessionsAdmin extends WorkerEntrypoint {}
offer(SessionsAdmin, [
  "getSession", "getSessionData", "updateSessionData",
  "createNewSession", "createNewSessionForRequest", "refreshSession",
  "revokeSession", "revokeMultipleSessions", "revokeAllSessionsForUser",
  "getAllSessionHandlesForUser", "getSessionInformation",
  "updateJWTPayload", "mergeIntoAccessTokenPayload", "regenerateAccessToken",
  "rotateSigningKeys", "revokeSigningKey",
]);

/** An object whose methods are Rust's. It must extend the platform's class, which Rust's does not. */
const object = (Rust) =>
  class extends DurableObject {
    #rust = new Rust(this.ctx, this.env);

    fetch(request) {
      return this.#rust.fetch(request);
    }

    alarm() {
      return this.#rust.alarm();
    }
  };

/** One user's sessions. */
export class UserSessions extends object(RustUserSessions) {}

/** The signing keys, and the secrets behind handles and refresh tokens. */
export class KeyRing extends object(RustKeyRing) {}
