/** Postern in memory, for tests of what uses it. */
import type { Sessions, SessionsAdmin } from "./rpc.js";

export interface MemoryOptions {
  /** In milliseconds; an hour by default. */
  accessTokenValidity?: number;
  /** In milliseconds; 100 days by default. */
  refreshTokenValidity?: number;
  /** In bytes of JSON; 1,048,576 by default. */
  maxSessionData?: number;
  /** 4,011 by default. */
  maxAccessTokenBytes?: number;
  /** Websites whose pages may send requests with the session cookie, beside the host's own. */
  websiteOrigins?: readonly string[];
  /** Whether proofs of possession (DPoP) must have a nonce, as with the setting `DPOP_NONCE`; by default not. */
  dpopNonce?: boolean;
}

export interface MemoryPostern {
  /** The default entrypoint. */
  binding: Sessions;
  /** The entrypoint `SessionsAdmin`. */
  adminBinding: SessionsAdmin;
  /** Time passes, for every session and token. */
  advance(milliseconds: number): void;
  /** Every call answers GENERAL_ERROR with this text from now on; `undefined` ends it. */
  fail(message: string | undefined): void;
  /** The ids of the signing keys. */
  kids(): string[];
}

/** A Postern of its own: `postern.init(memoryPostern())`. */
export function memoryPostern(options?: MemoryOptions): MemoryPostern;
