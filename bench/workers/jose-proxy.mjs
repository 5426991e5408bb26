// The same, verifying with jose first and telling the origin who asks.
import { createLocalJWKSet, jwtVerify } from "jose";
import { bearer, refused, sessionOf } from "./session.mjs";

let keys;

export default {
  async fetch(request, env) {
    keys ??= createLocalJWKSet(env.JWKS);
    let session;
    try {
      session = sessionOf((await jwtVerify(bearer(request), keys, env.CHECKS)).payload);
    } catch {
      return refused();
    }
    const { pathname, search } = new URL(request.url);
    const outgoing = new Request(env.ORIGIN + pathname + search, request);
    outgoing.headers.delete("authorization");
    outgoing.headers.set("postern-session-handle", session.handle);
    outgoing.headers.set("postern-user-id", session.userId);
    outgoing.headers.set("postern-payload", btoa(JSON.stringify(session.jwtPayload)));
    return fetch(outgoing, { redirect: "manual" });
  },
};
