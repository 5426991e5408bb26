import type { SessionOptions } from "./middleware.js";
import type { Session } from "./rpc.js";

/** Wraps a route handler: it is called with the session beside its `params`, or Postern answers 401, 403 or 503. */
export function withSession<R extends Request, C extends object>(
  handler: (request: R, context: C & { postern: Session }) => Response | Promise<Response>,
  options?: SessionOptions & { required?: true },
): (request: R, context: C) => Promise<Response>;
export function withSession<R extends Request, C extends object>(
  handler: (request: R, context: C & { postern: Session | undefined }) => Response | Promise<Response>,
  options: SessionOptions & { required: false },
): (request: R, context: C) => Promise<Response>;
