// The same with @tsndr/cloudflare-worker-jwt, which checks neither issuer nor key id: both by hand.
import { decode, verify } from "@tsndr/cloudflare-worker-jwt";
import { answer, bearer, refused, sessionOf } from "./session.mjs";

const imported = new Map();

async function key(env, kid) {
  if (!imported.has(kid)) {
    const jwk = env.JWKS.keys.find((candidate) => candidate.kid === kid);
    imported.set(kid, await crypto.subtle.importKey("jwk", jwk, { name: "ECDSA", namedCurve: "P-256" }, false, ["verify"]));
  }
  return imported.get(kid);
}

export default {
  async fetch(request, env) {
    try {
      const token = bearer(request);
      const { header } = decode(token);
      const verified = await verify(token, await key(env, header.kid), { algorithm: env.CHECKS.algorithms[0] });
      if (!verified || verified.payload.iss !== env.CHECKS.issuer) return refused();
      return answer(sessionOf(verified.payload));
    } catch {
      return refused();
    }
  },
};
