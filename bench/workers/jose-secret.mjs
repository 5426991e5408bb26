// The same with a shared secret, which no key set holds.
import { jwtVerify } from "jose";
import { answer, bearer, refused, sessionOf } from "./session.mjs";

let key;

export default {
  async fetch(request, env) {
    key ??= await crypto.subtle.importKey("jwk", env.SECRET, { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
    try {
      const { payload } = await jwtVerify(bearer(request), key, env.CHECKS);
      return answer(sessionOf(payload));
    } catch {
      return refused();
    }
  },
};
