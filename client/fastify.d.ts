import type { FastifyReply, FastifyRequest } from "fastify";
import type { SessionOptions } from "./middleware.js";
import type { Session } from "./rpc.js";

declare module "fastify" {
  interface FastifyRequest {
    /** Undefined only where `required` is false and the request has no session. */
    postern?: Session | undefined;
  }
}
/** Verifies the session of a request, or answers 401, 403 or 503 in the handler's place. */
export function session(options?: SessionOptions): (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>;
