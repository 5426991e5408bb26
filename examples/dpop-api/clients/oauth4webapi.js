// A client with oauth4webapi, which makes the proofs, and remembers the nonce of each server.
import * as oauth from "oauth4webapi";

/** Signs in, asks, refreshes and asks again; returns what was answered. @param {string} base @param {typeof fetch} [send] */
export async function run(base, send = fetch) {
  const as = { issuer: base, token_endpoint: `${base}/token` };
  const client = { client_id: "example" };
  const DPoP = oauth.DPoP(client, await oauth.generateKeyPair("ES256"));
  const options = { DPoP, [oauth.customFetch]: send, [oauth.allowInsecureRequests]: base.startsWith("http:") };
  /** Once more where the server wants a nonce, which DPoP knows by then. */
  const withNonce = (ask) => ask().catch((err) => (oauth.isDPoPNonceError(err) ? ask() : Promise.reject(err)));

  const login = { username: "alice", password: "wonderland" };
  const first = await withNonce(async () => {
    const answer = await oauth.genericTokenEndpointRequest(as, client, oauth.None(), "urn:example:grant-type:password", login, options);
    return oauth.processGenericTokenEndpointResponse(as, client, answer);
  });
  const things = ({ access_token }) => withNonce(() => oauth.protectedResourceRequest(access_token, "GET", new URL(`${base}/things`), undefined, undefined, options));
  const before = await (await things(first)).json();
  const second = await withNonce(async () => {
    const answer = await oauth.refreshTokenGrantRequest(as, client, oauth.None(), first.refresh_token, options);
    return oauth.processRefreshTokenResponse(as, client, answer);
  });
  return { first, before, second, after: await (await things(second)).json() };
}

if (process.argv[1] === import.meta.filename) console.log(await run(process.argv[2]));
