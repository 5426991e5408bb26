// @ts-check
// The service API as a backend SDK of today calls it, for tests that need a door without a quiet period.
import { apiKey } from "./harness.mjs";

/** @param {{fetch: (path: string, init?: any) => Promise<any>}} postern @param {string} [version] */
export function serviceApi(postern, version = "5.6") {
  /** @param {string} path @param {unknown} body */
  const post = async (path, body) => {
    const response = await postern.fetch(`/core${path}`, {
      method: "POST",
      headers: { "api-key": apiKey, "content-type": "application/json", "cdi-version": version, rid: "session" },
      body: JSON.stringify(body),
    });
    const text = await response.text();
    return { status: response.status, body: /** @type {any} */ (response.status === 200 ? JSON.parse(text) : text) };
  };
  return {
    post,
    /** @param {Record<string, unknown>} [more] */
    create: async (userId = "alice", more = {}) =>
      (await post("/recipe/session", { userId, userDataInJWT: {}, userDataInDatabase: {}, enableAntiCsrf: false, ...more })).body,
    /** @param {string} refreshToken @param {Record<string, unknown>} [more] */
    refresh: async (refreshToken, more = {}) =>
      (await post("/recipe/session/refresh", { refreshToken, enableAntiCsrf: false, useDynamicSigningKey: true, ...more })).body,
    /** @param {string} accessToken @param {Record<string, unknown>} [more] */
    verify: async (accessToken, more = {}) =>
      (await post("/recipe/session/verify", { accessToken, enableAntiCsrf: false, doAntiCsrfCheck: false, checkDatabase: true, ...more })).body,
  };
}

/** The object that keeps a handle's session. @param {string} handle */
export const objectOf = (handle) => ({ name: handle.slice(0, handle.indexOf(".")) });
