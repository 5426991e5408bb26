// What must be JavaScript: the classes that the platform instantiates. Each hands its events to the Rust half, through
// the prototype that worker-build makes; a call after a trap starts with fresh Wasm.
import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";
import Rust, { KeyRing as RustKeyRing, UserSessions as RustUserSessions } from "../build/index.js";

const { answer_http, answer_rpc, awaited, resume } = Rust.prototype;

/** An answer of Rust's. A number is a ticket: the answer waits for a promise, and goes on with what that comes to. */
function answered(answer) {
  if (typeof answer !== "number") return answer;
  return awaited(answer).then(
    (value) => answered(resume(answer, true, value)),
    (error) => answered(resume(answer, false, error)),
  );
}

/** Gives a class the RPC methods of these names; whatever is not listed here cannot be called. */
function offer(Entrypoint, names) {
  for (const name of names) {
    Entrypoint.prototype[name] = function (argument) {
      return answered(answer_rpc(name, argument, this.env, this.ctx));
    };
  }
}

const encoder = new TextEncoder();
const buffer = new Uint8Array(65_536);

/** What every answer depends on, in one crossing into Wasm instead of five. No part can hold a line break. */
function facts({ method, url, headers }) {
  const text = `${method}\n${url}\n${headers.get("authorization") ?? ""}\n${headers.get("cookie") ?? ""}`;
  // UTF-8 takes at most three bytes for a unit of a string.
  if (text.length * 3 > buffer.length) return encoder.encode(text);
  return buffer.subarray(0, encoder.encodeInto(text, buffer).written);
}

/** The HTTP doors, and what every edge route may ask. */
export default class Postern extends WorkerEntrypoint {
  fetch(request) {
    return answered(answer_http(facts(request), request, this.env, this.ctx));
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
