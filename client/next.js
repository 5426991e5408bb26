// For route handlers of Next.js: `export const GET = withSession(async (request, { postern, params }) => …)`.

import { sessionOf } from "./src/middleware.js";

export const withSession = (handler, options) => async (request, context) => {
  const { session, refusal } = await sessionOf(request, options);
  if (refusal) return Response.json(refusal.body, { status: refusal.status, headers: refusal.headers });
  return handler(request, { ...context, postern: session });
};
