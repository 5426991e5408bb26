/** The cookies and headers that carry tokens, for backends that reach Postern over HTTP. */
import type { IssuedSession } from "./rpc.js";

interface HeadersLike {
  get(name: string): string | null;
}

/** What Postern's settings say of its cookies; the defaults are those of a deployment on https. */
export interface CookieOptions {
  /** `API_BASE_PATH`; `/auth` by default. */
  basePath?: string;
  /** `COOKIE_DOMAIN`; none by default: the cookies are those of the host that answers. */
  domain?: string;
  /** `COOKIE_SAME_SITE`; `lax` by default. */
  sameSite?: "lax" | "strict" | "none";
  /** `COOKIE_SECURE`; true by default. */
  secure?: boolean;
  /** `HOST_PREFIXED_COOKIE`; false by default. */
  hostPrefixed?: boolean;
}

/** A cookie of a request by its name, decoded; undefined when there is none. */
export function cookieOf(headers: HeadersLike, name: string): string | undefined;
/** The access token that a request carries, and how; `Authorization` decides when both are there. */
export function accessTokenOf(headers: HeadersLike): { token: string; from: "header" | "cookie" } | undefined;
/** The refresh token that a request carries. */
export function refreshTokenOf(headers: HeadersLike): string | undefined;
/** Names and values to append, one by one, to the response that hands out a new or refreshed session. */
export function sessionHeaders(issued: IssuedSession, options?: CookieOptions): [name: string, value: string][];
/** Names and values to append to the response after which the browser has no session. */
export function clearedHeaders(options?: CookieOptions): [name: string, value: string][];
