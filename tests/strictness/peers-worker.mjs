// The libraries of peers.mjs in workerd: POST {library, issuer, token} → {accepted, why?}.
import { libraries, verdict } from "./peers.mjs";

export default {
  async fetch(request) {
    const { library, issuer, token } = await request.json();
    return Response.json(await verdict(() => libraries[library](issuer, token)));
  },
};
