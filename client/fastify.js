// A hook for fastify: `app.get("/private", { preHandler: session() }, …)` or `app.addHook("preHandler", session())`, then
// `request.postern`.

import { ofNode, sessionOf } from "./src/middleware.js";

export const session = (options) => async (request, reply) => {
  const { session, refusal } = await sessionOf(ofNode(request), options);
  if (refusal) return reply.code(refusal.status).headers(refusal.headers).send(refusal.body);
  request.postern = session;
};
