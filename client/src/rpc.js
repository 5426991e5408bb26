// The transport over service bindings. Postern's RPC methods take one object and return `{status, …}`.

import { PosternError } from "./error.js";

/** What the default entrypoint offers; everything else needs `SessionsAdmin`. */
const OF_DEFAULT_ENTRYPOINT = new Set(["getSession", "getSessionForRequest", "getSessionData", "updateSessionData"]);

export function rpcTransport(binding, adminBinding) {
  return async (method, argument) => {
    const target = OF_DEFAULT_ENTRYPOINT.has(method) ? (binding ?? adminBinding) : adminBinding;
    if (target === undefined) {
      throw new PosternError(
        PosternError.GENERAL_ERROR,
        `${method} needs a service binding to the entrypoint SessionsAdmin: ` +
          "call it SESSIONS_ADMIN, or give it to postern.init as adminBinding",
      );
    }
    try {
      return await target[method](argument);
    } catch (cause) {
      // The Worker rejects a malformed argument with a TypeError or RangeError: that is the caller's to mend.
      if (cause instanceof TypeError || cause instanceof RangeError) throw cause;
      throw new PosternError(PosternError.GENERAL_ERROR, `${method}: the service binding failed`, { cause });
    }
  };
}
