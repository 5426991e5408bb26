// Checked by tsc, never run: what the types must accept, what they must know, and what they must refuse.
import * as postern from "postern";
import type { Sessions, SessionsAdmin } from "postern/rpc";

interface Cart {
  items: string[];
}

export async function accepted(sessions: Sessions, admin: SessionsAdmin, cart: Cart, headers: Map<string, string>) {
  postern.init({ binding: sessions, adminBinding: admin });
  postern.init({ url: "https://sessions.example/core", apiKey: "key", timeoutMilliseconds: 500, enableAntiCsrf: true });

  const { session, accessToken } = await postern.getSession(headers.get("token"), null, { freshness: "within 10s" });
  const handle: string = session.handle;
  const replacement: string | undefined = accessToken?.token;
  // An interface is as good as an object literal.
  await postern.updateSessionData(handle, cart);
  const items: string[] = (await postern.getSessionData(handle, { freshness: "strict" }))["items"];

  const issued = await postern.createNewSession(session.userId, {}, {}, { device: { ip: "192.0.2.1" } });
  const request = { headers: { get: (name: string) => headers.get(name) ?? null } };
  const made = await postern.createNewSessionForRequest(request, "alice", { role: "editor" });
  for (const [name, value] of made.headers) headers.set(name, value);
  const refreshToken: string = issued.refreshToken.token;
  const ended: boolean = await postern.revokeSession(handle);
  const { expiry } = (await postern.getSessionInformation(handle)).session;

  const answer = await sessions.getSessionData({ handle });
  if (answer.status === "OK") return answer.sessionData;
  if (answer.status === "GENERAL_ERROR") return answer.retryAfterSeconds;
  return [replacement, items, refreshToken, ended, expiry.toFixed(), answer.message];
}

export function narrowed(err: unknown): number | undefined {
  if (!postern.Error.isErrorFromAuth(err)) return undefined;
  switch (err.errType) {
    case postern.Error.GENERAL_ERROR:
      return err.retryAfterSeconds;
    case postern.Error.UNAUTHORISED:
    case postern.Error.TRY_REFRESH_TOKEN:
    case postern.Error.TOKEN_THEFT_DETECTED:
    case postern.Error.FOREIGN_WEBSITE:
    case postern.Error.INVALID_DPOP_PROOF:
    case postern.Error.USE_DPOP_NONCE:
      return err.errType;
    default: {
      const impossible: never = err.errType;
      return impossible;
    }
  }
}

export async function refused(sessions: Sessions) {
  // @ts-expect-error A handle is a string.
  await postern.getSessionData(1);
  // @ts-expect-error Data is an object.
  await postern.updateSessionData("handle", "text");
  // @ts-expect-error There must be data.
  await postern.updateSessionData("handle");
  // @ts-expect-error An address needs a key.
  postern.init({ url: "https://sessions.example/core" });
  // @ts-expect-error No such freshness.
  await postern.getSession("token", undefined, { freshness: "soon" });
  // @ts-expect-error The default entrypoint creates no sessions.
  await sessions.createNewSession({ userId: "alice" });
}
