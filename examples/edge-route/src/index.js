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
        case postern.Error.FOREIGN_WEBSITE:
          return reply(403, { message: "this website may not use the session" });
        default:
          return reply(503, { message: "try again later" }, { "retry-after": String(err.retryAfterSeconds ?? 1) });
      }
    }
  },
};

async function countVisit(request) {
  // Knows the cookies' names, and whether another website's page sent the request.
  const { session } = await postern.getSessionForRequest(request);
  const sessionData = await postern.getSessionData(session.handle);
  const visits = (sessionData.visits ?? 0) + 1;
  await postern.updateSessionData(session.handle, { ...sessionData, visits });

  const { userId, jwtPayload } = session;
  return reply(200, { userId, jwtPayload, visits });
}

function reply(status, body, headers) {
  return Response.json(body, { status, headers: { "cache-control": "no-store", ...headers } });
}
