// The session service that one writes in JavaScript: jose and KV behind the same binding, with the same results.
import { WorkerEntrypoint } from "cloudflare:workers";
import { createLocalJWKSet, jwtVerify } from "jose";
import { sessionOf } from "./session.mjs";

let keys;

export default class extends WorkerEntrypoint {
  async getSession({ accessToken }) {
    keys ??= createLocalJWKSet(this.env.JWKS);
    try {
      const { payload } = await jwtVerify(accessToken, keys, this.env.CHECKS);
      return { status: "OK", session: { ...sessionOf(payload), tenantId: payload.tId } };
    } catch {
      return { status: "TRY_REFRESH_TOKEN" };
    }
  }

  async getSessionData({ handle }) {
    const sessionData = await this.env.SESSION_DATA.get(handle, "json");
    return sessionData ? { status: "OK", sessionData } : { status: "UNAUTHORISED" };
  }
}
