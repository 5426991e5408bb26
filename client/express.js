// Middleware for express: `app.use("/private", session())`, then `request.postern`.

import { ofNode, sessionOf } from "./src/middleware.js";

export const session = (options) => async (request, response, next) => {
  try {
    const { session, refusal } = await sessionOf(ofNode(request), options);
    if (refusal) return void response.status(refusal.status).set(refusal.headers).json(refusal.body);
    request.postern = session;
    next();
  } catch (error) {
    next(error);
  }
};
