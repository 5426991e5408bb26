// Postern with an entrypoint that throws garbage away, so that what stays in memory is what is held.
import { WorkerEntrypoint } from "cloudflare:workers";
export * from "../../src/entry.mjs";
export { default } from "../../src/entry.mjs";

export class Garbage extends WorkerEntrypoint {
  fetch() {
    globalThis.gc();
    return new Response();
  }
}
