// What must be JavaScript: the classes that the platform instantiates. Each hands its events to the Rust half.
import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";
import Rust, { KeyRing as RustKeyRing } from "../build/index.js";

/** The public HTTP doors. A fresh `Rust` per event goes through the wrapper that restarts Wasm after a trap. */
export default class extends WorkerEntrypoint {
  fetch(request) {
    return new Rust(this.ctx, this.env).fetch(request);
  }
}

/** One user's sessions. */
export class UserSessions extends DurableObject {}

/** The signing keys. */
export class KeyRing extends DurableObject {
  #rust = new RustKeyRing(this.ctx, this.env);
  fetch(request) {
    return this.#rust.fetch(request);
  }
  alarm() {
    return this.#rust.alarm();
  }
}
