// A client with jose, which makes each proof itself.
import { SignJWT, exportJWK, generateKeyPair } from "jose";

/** Signs in, asks, refreshes and asks again; returns what was answered. @param {string} base @param {typeof fetch} [send] */
export async function run(base, send = fetch) {
  const { publicKey, privateKey } = await generateKeyPair("ES256");
  const jwk = await exportJWK(publicKey);
  let nonce;
  /** A request with a proof; once more where the server wants a nonce. */
  const ask = async (method, path, token, body) => {
    const url = base + path;
    const ath = token && Buffer.from(await crypto.subtle.digest("SHA-256", Buffer.from(token))).toString("base64url");
    const claims = { jti: crypto.randomUUID(), htm: method, htu: url, ...(ath && { ath }), ...(nonce && { nonce }) };
    const dpop = await new SignJWT(claims).setIssuedAt().setProtectedHeader({ typ: "dpop+jwt", alg: "ES256", jwk }).sign(privateKey);
    const answer = await send(url, { method, body, headers: { dpop, ...(token && { authorization: `DPoP ${token}` }), ...(body && { "content-type": "application/x-www-form-urlencoded" }) } });
    const given = answer.headers.get("dpop-nonce");
    if (!answer.ok && given && given !== nonce) {
      nonce = given;
      return ask(method, path, token, body);
    }
    if (!answer.ok) throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  };

  const grant = (members) => ask("POST", "/token", undefined, new URLSearchParams(members).toString());
  const first = await grant({ grant_type: "urn:example:grant-type:password", username: "alice", password: "wonderland" });
  const before = await ask("GET", "/things", first.access_token);
  const second = await grant({ grant_type: "refresh_token", refresh_token: first.refresh_token });
  return { first, before, second, after: await ask("GET", "/things", second.access_token) };
}

if (process.argv[1] === import.meta.filename) console.log(await run(process.argv[2]));
