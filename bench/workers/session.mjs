// What the JavaScript subjects share: where the token is, and an answer of the same shape as `GET {base}/session`.

/** The bearer token of a request. */
export function bearer(request) {
  const header = request.headers.get("authorization") ?? "";
  return /^bearer /i.test(header) ? header.slice(7).trim() : "";
}

/** The session that verified claims tell of. */
export function sessionOf(claims) {
  const { iss, sub, exp, iat, tId, rsub, sessionHandle, refreshTokenHash1, parentRefreshTokenHash1, antiCsrfToken, aud, sid, ...jwtPayload } = claims;
  return { handle: sessionHandle ?? sid, userId: sub, jwtPayload };
}

export const answer = (session) =>
  new Response(JSON.stringify({ session }), { headers: { "content-type": "application/json; charset=utf-8", "cache-control": "no-store", vary: "Origin" } });

export const refused = () =>
  new Response('{"status":"UNAUTHORISED"}', { status: 401, headers: { "content-type": "application/json; charset=utf-8", "cache-control": "no-store" } });
