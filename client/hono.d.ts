import type { MiddlewareHandler } from "hono";
import type { SessionOptions } from "./middleware.js";
import type { Session } from "./rpc.js";

/** For `new Hono<{ Variables: PosternVariables }>()`. */
export interface PosternVariables {
  /** Undefined only where `required` is false and the request has no session. */
  postern: Session | undefined;
}
/** Verifies the session of a request, or answers 401, 403 or 503 in the handler's place. */
export function session(options?: SessionOptions): MiddlewareHandler;
