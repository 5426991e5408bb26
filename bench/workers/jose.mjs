// `GET /auth/session` as one writes it with jose. The keys are in hand, imported once.
import { createLocalJWKSet, jwtVerify } from "jose";
import { answer, bearer, refused, sessionOf } from "./session.mjs";

let keys;

export default {
  async fetch(request, env) {
    keys ??= createLocalJWKSet(env.JWKS);
    try {
      const { payload } = await jwtVerify(bearer(request), keys, env.CHECKS);
      return answer(sessionOf(payload));
    } catch {
      return refused();
    }
  },
};
