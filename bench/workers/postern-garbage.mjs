// Postern with an entrypoint that throws garbage away and says how much Wasm memory there is.
import { wasmBytes } from "./wasm-memory.mjs";
import { WorkerEntrypoint } from "cloudflare:workers";
export * from "../../src/entry.mjs";
export { default } from "../../src/entry.mjs";

export class Garbage extends WorkerEntrypoint {
  fetch() {
    globalThis.gc();
    return new Response(String(wasmBytes()));
  }
}
