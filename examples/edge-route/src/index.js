// An edge route that counts a user's visits in the session's data.
import * as postern from "postern";

export default {
  async fetch(request) {
    if (request.method !== "POST") return reply(405, { message: "use POST" }, { allow: "POST" });
    try {
      return await countVisit(request);
    } catch (err) {
      if (!postern.Error.isErrorFromAuth(err)) throw err;
      switch (err.errType) {
        case postern.Error.UNAUTHORISED:
          return reply(401, { message: "unauthorised" });
        case postern.Error.TRY_REFRESH_TOKEN:
          return reply(401, { message: "try refresh token" });
        default:
          return reply(503, { message: "try again later" }, { "retry-after": String(err.retryAfterSeconds ?? 1) });
      }
    }
  },
};

async function countVisit(request) {
  const { session, accessToken } = await postern.getSession(
    accessTokenOf(request),
    request.headers.get("anti-csrf"),
  );
  const sessionData = await postern.getSessionData(session.handle);
  const visits = (sessionData.visits ?? 0) + 1;
  await postern.updateSessionData(session.handle, { ...sessionData, visits });

  const { userId, jwtPayload } = session;
  // A new access token replaces the caller's; browser SDKs take it from this header.
  return reply(200, { userId, jwtPayload, visits }, accessToken && { "st-access-token": accessToken.token });
}

/** From `Authorization: Bearer …`, else from the cookie `sAccessToken`; undefined if there is neither. */
function accessTokenOf(request) {
  const [, bearer] = /^Bearer +(\S+)$/i.exec(request.headers.get("authorization") ?? "") ?? [];
  const [, cookie] = /(?:^|;) *sAccessToken=([^;]*)/.exec(request.headers.get("cookie") ?? "") ?? [];
  return bearer ?? cookie;
}

function reply(status, body, headers) {
  return Response.json(body, { status, headers: { "cache-control": "no-store", ...headers } });
}
