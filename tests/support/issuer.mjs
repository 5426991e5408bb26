// @ts-check
// A trusted issuer with its keys in the setting: what it signs is good without any key server.
import { SignJWT, exportJWK, generateKeyPair } from "jose";

/** Makes one. */
export async function startIssuer(id = "idp") {
  const { publicKey, privateKey } = await generateKeyPair("ES256");
  const issuer = `https://${id}.example`;
  const jwk = { ...(await exportJWK(publicKey)), kid: `${id}-1`, alg: "ES256", use: "sig" };
  return {
    /** For `TRUSTED_ISSUERS`. */
    setting: { id, issuer, audience: ["api"], algorithms: ["ES256"], jwks: { keys: [jwk] }, handle_claim: "sid", user_id_claim: "sub", max_token_age: "1h", data_lifetime: "1d" },
    /** A token. @param {Record<string, unknown>} claims @param {string} [life] from now on @param {Date} [made] */
    token: (claims, life = "10m", made = new Date()) =>
      new SignJWT(claims).setProtectedHeader({ alg: "ES256", kid: `${id}-1` }).setIssuer(issuer).setAudience("api").setIssuedAt(made).setExpirationTime(life).sign(privateKey),
    /** The payload's text. @param {string} token */
    payloadOf: (token) => Buffer.from(token.split(".")[1] ?? "", "base64url").toString(),
  };
}
