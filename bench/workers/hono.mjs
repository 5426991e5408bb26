// The same with hono's own middleware.
import { Hono } from "hono";
import { jwk } from "hono/jwk";
import { sessionOf } from "./session.mjs";

let app;

function made(env) {
  const made = new Hono();
  made.use("/auth/*", jwk({ keys: env.JWKS.keys, alg: env.CHECKS.algorithms, verification: { iss: env.CHECKS.issuer } }));
  made.get("/auth/session", (context) => {
    context.header("cache-control", "no-store");
    context.header("vary", "Origin");
    return context.json({ session: sessionOf(context.get("jwtPayload")) });
  });
  return made;
}

export default {
  fetch(request, env, context) {
    app ??= made(env);
    return app.fetch(request, env, context);
  },
};
