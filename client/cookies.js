// The cookies and headers that carry a session's tokens, for backends that reach Postern over HTTP. Over a service binding
// `createNewSessionForRequest` makes them, by Postern's own settings; here the caller says what those are.

const ACCESS = ["__Host-sAccessToken", "sAccessToken"];
const REFRESH = ["__Host-sRefreshToken", "sRefreshToken"];
/** The access token's cookie outlives the token: a stale one says "refresh", none says "log in". */
const ACCESS_COOKIE_MILLISECONDS = 365 * 86_400_000;
const CLEARED = new Date(0);

/** A cookie of a request, decoded; the first of several of one name, as servers read them. */
export function cookieOf(headers, name) {
  for (const pair of (headers.get("cookie") ?? "").split(";")) {
    const [key, ...value] = pair.trim().split("=");
    if (key !== name) continue;
    try {
      return decodeURIComponent(value.join("="));
    } catch {
      return undefined;
    }
  }
  return undefined;
}

/** The access token that a request carries, and by which way: `Authorization` decides, as at Postern's own endpoints. */
export function accessTokenOf(headers) {
  const bearer = headers.get("authorization")?.match(/^bearer +(\S+)$/i)?.[1];
  if (bearer !== undefined) return { token: bearer, from: "header" };
  const token = ACCESS.map((name) => cookieOf(headers, name)).find((value) => value !== undefined && value !== "");
  return token === undefined ? undefined : { token, from: "cookie" };
}

/** The refresh token of a request to the refresh path. */
export function refreshTokenOf(headers) {
  const bearer = headers.get("authorization")?.match(/^bearer +(\S+)$/i)?.[1];
  return bearer ?? REFRESH.map((name) => cookieOf(headers, name)).find((value) => value !== undefined && value !== "");
}

/** Headers to append, one by one, to the response that hands out a session. */
export function sessionHeaders(issued, options = {}) {
  const { session, accessToken, refreshToken, antiCsrfToken } = issued;
  const exposed = ["front-token", ...(antiCsrfToken === undefined ? [] : ["anti-csrf"])];
  return [
    ["set-cookie", cookie("access", accessToken.token, new Date(Date.now() + ACCESS_COOKIE_MILLISECONDS), options)],
    ["set-cookie", cookie("refresh", refreshToken.token, new Date(refreshToken.expiry), options)],
    ["front-token", frontToken(session.userId, accessToken)],
    ...(antiCsrfToken === undefined ? [] : [["anti-csrf", antiCsrfToken]]),
    ["access-control-expose-headers", exposed.join(", ")],
    ["cache-control", "no-store"],
  ];
}

/** Headers to append to the response after which the browser has no session. */
export function clearedHeaders(options = {}) {
  return [
    ["set-cookie", cookie("access", "", CLEARED, options)],
    ["set-cookie", cookie("refresh", "", CLEARED, options)],
    ["front-token", "remove"],
    ["access-control-expose-headers", "front-token"],
    ["cache-control", "no-store"],
  ];
}

function cookie(which, value, expires, { basePath = "/auth", domain, sameSite = "lax", secure = true, hostPrefixed = false }) {
  if (hostPrefixed && domain !== undefined) throw new TypeError('"domain" cannot be given with "hostPrefixed"');
  const name = (which === "access" ? ACCESS : REFRESH)[hostPrefixed ? 0 : 1];
  const path = which === "access" || hostPrefixed ? "/" : `${basePath.replace(/\/+$/, "")}/session/refresh`;
  const attributes = [
    `${name}=${encodeURIComponent(value)}`,
    ...(domain === undefined ? [] : [`Domain=${domain}`]),
    `Path=${path}`,
    `Expires=${expires.toUTCString()}`,
    "HttpOnly",
    ...(secure || hostPrefixed ? ["Secure"] : []),
    `SameSite=${sameSite[0].toUpperCase()}${sameSite.slice(1)}`,
  ];
  return attributes.join("; ");
}

/** What scripts of the page may know: base64, as the browser SDK reads it, of whose session it is, until when, and its payload. */
function frontToken(userId, { token, expiry }) {
  const payload = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
  const text = new TextDecoder().decode(Uint8Array.from(atob(payload), (letter) => letter.codePointAt(0)));
  // The payload's text as it is: reading and writing it could change a number.
  const json = new TextEncoder().encode(`{"uid":${JSON.stringify(userId)},"ate":${expiry},"up":${text}}`);
  return btoa(Array.from(json, (byte) => String.fromCodePoint(byte)).join(""));
}
