// Postern with one more path: a request to /trap runs into memory that does not exist, as only a fault in Wasm can.
import postern from "../../src/entry.mjs";
import { KeyRing } from "../../build/index.js";

export * from "../../src/entry.mjs";

export default {
  ...postern,
  fetch(request, env, ctx) {
    if (new URL(request.url).pathname !== "/trap") return postern.fetch(request, env, ctx);
    const nowhere = Object.create(KeyRing.prototype, { __wbg_ptr: { value: 0x7fff_ff00 } });
    try {
      return nowhere.fetch(request);
    } catch (error) {
      return new Response(String(error), { status: 500 });
    }
  },
};
