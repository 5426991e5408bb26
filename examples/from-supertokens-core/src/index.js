// In front of Postern while the users of a SuperTokens core move: whoever refreshes with the core's refresh token gets a session of
// Postern's with the same user and data, and nobody logs in again.
import * as postern from "postern";

/** How long the core still knows a session that has moved: a browser whose answer was lost asks again with the same token. */
const OVERLAP_MILLISECONDS = 20_000;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    try {
      if (request.method === "POST" && pathname === "/auth/session/refresh") return await refreshed(request, env, ctx);
      if (request.method === "POST" && pathname === "/auth/signout") return await signedOut(request, env);
      return await env.SESSIONS.fetch(request);
    } catch {
      // Nothing was cleared, and the core knows the session still: the browser asks again.
      return Response.json({ status: "GENERAL_ERROR" }, { status: 503, headers: { "retry-after": "1", "cache-control": "no-store" } });
    }
  },
};

async function refreshed(request, env, ctx) {
  const { token: refreshToken, from } = tokenOf(request, "sRefreshToken");
  // The form of the core's refresh tokens; Postern's own, and no token at all, are Postern's to answer.
  if (!refreshToken?.endsWith(".V2")) return env.SESSIONS.fetch(request);
  const antiCsrfToken = request.headers.get("anti-csrf") ?? undefined;
  const asked = { refreshToken, enableAntiCsrf: env.ANTI_CSRF === "VIA_TOKEN", useDynamicSigningKey: true, ...(antiCsrfToken && { antiCsrfToken }) };
  const renewed = await core(env, "/recipe/session/refresh", asked);
  // As the SDKs of backends do it by default: a token that was used twice ends its session.
  if (renewed.status === "TOKEN_THEFT_DETECTED") await end(env, renewed.session.handle);
  // The core knows of no such session: Postern knows none either, and clears what the browser has.
  if (renewed.status !== "OK") return env.SESSIONS.fetch(request);
  const sessionHandle = renewed.session.handle;
  const { userDataInDatabase } = await core(env, `/recipe/session?sessionHandle=${encodeURIComponent(sessionHandle)}`);

  const headers = new Headers(request.headers);
  headers.set("authorization", `Bearer ${renewed.accessToken.token}`);
  headers.set("st-auth-mode", from);
  const answer = await env.SESSIONS.fetch(new Request(new URL("/auth/session/exchange", request.url), { method: "POST", headers }));
  if (!answer.ok) return answer;
  const { session } = await answer.clone().json();
  if (Object.keys(userDataInDatabase ?? {}).length > 0) await postern.updateSessionData(session.handle, userDataInDatabase);
  ctx.waitUntil(later(OVERLAP_MILLISECONDS).then(() => end(env, sessionHandle)));
  return answer;
}

/** Signing out of a session that has not moved ends it at the core, too, where it would go on otherwise. */
async function signedOut(request, env) {
  const { token } = tokenOf(request, "sAccessToken");
  const answer = await env.SESSIONS.fetch(request);
  const sessionHandle = answer.ok ? claimsOf(token).sessionHandle : undefined;
  // Postern's own handles have dots, the core's are UUIDs. That Postern has signed it out says that the token is good.
  if (typeof sessionHandle === "string" && !sessionHandle.includes(".")) await end(env, sessionHandle);
  return answer;
}

const end = (env, sessionHandle) => core(env, "/recipe/session/remove", { sessionHandles: [sessionHandle] });

async function core(env, path, body) {
  const headers = { "cdi-version": "5.4", "content-type": "application/json", ...(env.CORE_API_KEY && { "api-key": env.CORE_API_KEY }) };
  const init = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
  const answer = await fetch(env.CORE_URL + path, { ...init, headers, redirect: "manual", signal: AbortSignal.timeout(5_000) });
  if (answer.status !== 200) throw new Error(`the core answered ${answer.status}`);
  return answer.json();
}

/** A token as the browser SDK sends it, and how. */
function tokenOf(request, name) {
  const [, cookie] = (request.headers.get("cookie") ?? "").match(new RegExp(`(?:^|;\\s*)${name}=([^;]*)`)) ?? [];
  if (cookie) return { token: decodeURIComponent(cookie), from: "cookie" };
  const [, bearer] = (request.headers.get("authorization") ?? "").match(/^Bearer (\S+)$/i) ?? [];
  return { token: bearer, from: "header" };
}

function claimsOf(token) {
  try {
    return JSON.parse(atob((token ?? "").split(".")[1].replaceAll("-", "+").replaceAll("_", "/")));
  } catch {
    return {};
  }
}

const later = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
