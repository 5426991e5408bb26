// `GET /auth/session` with an access token that is bound to a key (DPoP, RFC 9449), as one writes it with jose: the token, the
// proof and its use once.
import { EmbeddedJWK, calculateJwkThumbprint, createLocalJWKSet, jwtVerify } from "jose";
import { answer, refused, sessionOf } from "./session.mjs";

const LIFE_SECONDS = 60;
let keys;
/** When each proof was made. */
const used = new Map();

const digest = async (text) => btoa(String.fromCharCode(...new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

async function verified(request, env) {
  const token = /^dpop (.+)$/i.exec(request.headers.get("authorization") ?? "")?.[1] ?? "";
  keys ??= createLocalJWKSet(env.JWKS);
  const { payload } = await jwtVerify(token, keys, env.CHECKS);
  const { payload: proof, protectedHeader } = await jwtVerify(request.headers.get("dpop") ?? "", EmbeddedJWK, { typ: "dpop+jwt", algorithms: ["ES256"], maxTokenAge: LIFE_SECONDS });
  const { origin, pathname } = new URL(request.url);
  const now = Date.now() / 1000;
  for (const [id, made] of used) {
    if (made > now - LIFE_SECONDS) break;
    used.delete(id);
  }
  const isGood =
    proof.htm === request.method &&
    proof.htu === origin + pathname &&
    proof.ath === (await digest(token)) &&
    payload.cnf?.jkt === (await calculateJwkThumbprint(protectedHeader.jwk)) &&
    !used.has(proof.jti);
  used.set(proof.jti, proof.iat);
  return isGood ? payload : undefined;
}

export default {
  async fetch(request, env) {
    try {
      const payload = await verified(request, env);
      return payload ? answer(sessionOf(payload)) : refused();
    } catch {
      return refused();
    }
  },
};
