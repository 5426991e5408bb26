// @ts-check
// A stand-in for a SuperTokens core over real HTTP: sessions, RS256 access tokens of version 5 with a JWKS, opaque refresh tokens with the
// lazy rotation of protocols up to 5.5, theft, and reading and removing sessions (docs/protocol/cdi.md). It shares no code with Postern.
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { SignJWT, exportJWK, generateKeyPair } from "jose";

const hash = (/** @type {string} */ text) => createHash("sha256").update(text).digest("hex");

/** Starts one. @param {{issuer: string, apiKey: string}} options `issuer`: the `iss` that the backend SDK puts into payloads */
export async function startCore({ issuer, apiKey }) {
  const { publicKey, privateKey } = await generateKeyPair("RS256");
  const kid = `d-${Date.now()}`;
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid, alg: "RS256", use: "sig" }] };
  /** @type {Map<string, any>} by handle */
  const sessions = new Map();
  /** @type {Map<string, {handle: string, parent?: string, antiCsrf?: string}>} by refresh token */
  const refreshTokens = new Map();
  /** Paths that it was asked for. @type {string[]} */
  const asked = [];
  let isDown = false;

  /** @param {any} session @param {string | undefined} parent the refresh token that was exchanged @param {boolean} [bound] @param {number} [life] seconds */
  async function issue(session, parent, bound = false, life = 3600) {
    const refreshToken = `${randomBytes(64).toString("base64")}.${hash(randomUUID())}.V2`;
    const antiCsrfToken = bound ? randomUUID() : undefined;
    refreshTokens.set(refreshToken, { handle: session.handle, parent: parent && hash(parent), antiCsrf: antiCsrfToken });
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      ...session.userDataInJWT, sub: session.userId, rsub: session.userId, tId: session.tenantId, sessionHandle: session.handle, iat: now, exp: now + life,
      refreshTokenHash1: hash(refreshToken), parentRefreshTokenHash1: parent ? hash(parent) : null, antiCsrfToken: antiCsrfToken ?? null,
    };
    const token = await new SignJWT(claims).setProtectedHeader({ alg: "RS256", typ: "JWT", kid, version: "5" }).sign(privateKey);
    const times = { createdTime: now * 1000 };
    const { handle, userId, tenantId, userDataInJWT } = session;
    return {
      status: "OK", session: { handle, userId, recipeUserId: userId, tenantId, userDataInJWT },
      accessToken: { token, expiry: claims.exp * 1000, ...times }, refreshToken: { token: refreshToken, expiry: session.expiry, ...times }, ...(bound && { antiCsrfToken }),
    };
  }

  const unauthorised = { status: "UNAUTHORISED", message: "Session does not exist." };
  /** @param {any} body */
  function refresh({ refreshToken, enableAntiCsrf, antiCsrfToken }) {
    const known = refreshTokens.get(refreshToken);
    if (known === undefined || (enableAntiCsrf && known.antiCsrf !== undefined && known.antiCsrf !== antiCsrfToken)) return unauthorised;
    const session = sessions.get(known.handle);
    if (session === undefined || session.expiry < Date.now()) return unauthorised;
    // A child of the current token shows that its answer has arrived.
    if (known.parent !== undefined && hash(known.parent) === session.current) session.current = hash(hash(refreshToken));
    if (hash(hash(refreshToken)) === session.current) return issue(session, refreshToken, enableAntiCsrf);
    return { status: "TOKEN_THEFT_DETECTED", session: { handle: session.handle, userId: session.userId, recipeUserId: session.userId } };
  }

  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://core");
    asked.push(`${request.method} ${pathname}`);
    if (isDown) return void response.writeHead(500).end("out of order\n");
    const answer = (/** @type {object} */ value, status = 200) => void response.writeHead(status, { "content-type": "application/json; charset=UTF-8" }).end(`${JSON.stringify(value)}\n`);
    if (pathname === "/.well-known/jwks.json") return answer(jwks);
    if (request.headers["api-key"] !== apiKey) return void response.writeHead(401).end("Invalid API key\n");
    let text = "";
    for await (const chunk of request) text += chunk;
    const body = text === "" ? {} : JSON.parse(text);
    switch (`${request.method} ${pathname}`) {
      case "GET /recipe/session": {
        const session = sessions.get(searchParams.get("sessionHandle") ?? "");
        if (session === undefined) return answer(unauthorised);
        const { current: _, handle: sessionHandle, ...rest } = session;
        return answer({ status: "OK", sessionHandle, recipeUserId: session.userId, ...rest });
      }
      case "GET /recipe/session/user": {
        const found = [...sessions.values()].filter(({ userId }) => userId === searchParams.get("userId"));
        return answer({ status: "OK", sessionHandles: found.map(({ handle }) => handle) });
      }
      case "POST /recipe/session/refresh":
        return answer(await refresh(body));
      case "POST /recipe/session/remove":
        return answer({ status: "OK", sessionHandlesRevoked: body.sessionHandles.filter((/** @type {string} */ handle) => sessions.delete(handle)) });
      default:
        return void response.writeHead(404).end("Not found\n");
    }
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());

  return {
    url: `http://127.0.0.1:${port}`,
    asked,
    /** A session as a backend made it before the move. @param {string} userId @param {{payload?: object, data?: object, antiCsrf?: boolean, life?: number, tenantId?: string}} [more] */
    async session(userId, { payload = {}, data = {}, antiCsrf = false, life, tenantId = "public" } = {}) {
      const timeCreated = Date.now() - 1_000;
      const handle = `${randomUUID()}${tenantId === "public" ? "" : `_${tenantId}`}`;
      const session = { handle, userId, tenantId, userDataInJWT: { iss: issuer, ...payload }, userDataInDatabase: data, expiry: timeCreated + 8_640_000_000, timeCreated, current: "" };
      sessions.set(session.handle, session);
      const issued = await issue(session, undefined, antiCsrf, life);
      session.current = hash(hash(issued.refreshToken.token));
      return issued;
    },
    /** One whose refresh token was exchanged there and is superseded: whoever comes with it is a thief. @param {string} userId */
    async superseded(userId) {
      const first = await this.session(userId);
      const child = /** @type {typeof first} */ (await refresh({ refreshToken: first.refreshToken.token, enableAntiCsrf: false }));
      await refresh({ refreshToken: child.refreshToken.token, enableAntiCsrf: false });
      return first;
    },
    /** How often it was asked to exchange a refresh token. */
    exchanges: () => asked.filter((what) => what === "POST /recipe/session/refresh").length,
    knows: (/** @type {string} */ handle) => sessions.has(handle),
    /** Whether it is out of order from now on. @param {boolean} down */
    fail: (down) => void (isDown = down),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
