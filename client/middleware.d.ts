import type { Error as PosternError } from "./index.js";
import type { Freshness } from "./rpc.js";

/** What a middleware asks of a request's session. */
export interface SessionOptions {
  /** Whether a request without a session is refused; true by default. */
  required?: boolean;
  /** How soon a revocation counts. */
  freshness?: Freshness;
  /** Over HTTP: websites other than this server's own host whose pages may send requests with the session cookie. */
  origins?: readonly string[];
  /** Called with each error that becomes a refusal, for the log. Its message holds no token. */
  onError?: (error: PosternError, request: { method: string; url: string }) => void;
}
