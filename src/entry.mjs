// What must be JavaScript: the classes that the platform instantiates. Each hands its events to the Rust half, through
// the prototype that worker-build makes; a call after a trap starts with fresh Wasm.
import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";
import Rust, { KeyRing as RustKeyRing, Revocations as RustRevocations, UserSessions as RustUserSessions } from "../build/index.js";

const { answer_http, answer_rpc } = Rust.prototype;

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
    return answer_http(request, this.env, this.ctx);
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
  "revokeSession", "revokeMultipleSessions", "revokeAllSessionsForUser", "revokeAllSessionsBefore",
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

/** Which sessions have ended lately. */
export class Revocations extends object(RustRevocations) {}

/** The signing keys, and the secrets behind handles and refresh tokens. */
export class KeyRing extends object(RustKeyRing) {}
