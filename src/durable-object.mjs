// A Durable Object is an instance of a class that extends the platform's; Rust's classes do not.
import { DurableObject } from "cloudflare:workers";
import { answeredByObject, instance } from "./executor.mjs";

/** A class of the platform whose methods are those of a class of Rust's. */
export const object = (Rust) =>
  class extends DurableObject {
    #instance = instance();
    #rust = new Rust(this.ctx, this.env);

    /** Rust's object; made anew when the memory that held it is gone. */
    #current() {
      const current = instance();
      if (this.#instance !== current) {
        this.#rust = new Rust(this.ctx, this.env);
        this.#instance = current;
      }
      return this.#rust;
    }

    fetch(request) {
      return answeredByObject(this.#current().fetch(request), this.ctx);
    }

    alarm() {
      return this.#current().alarm();
    }
  };
