// Middleware for hono: `app.use("/private/*", session())`, then `c.get("postern")`.

import { sessionOf } from "./src/middleware.js";

export const session = (options) => async (c, next) => {
  const { session, refusal } = await sessionOf(c.req.raw, options);
  if (refusal) return c.json(refusal.body, refusal.status, refusal.headers);
  c.set("postern", session);
  await next();
};
