// Which outcome for which token: over RPC and at GET {base}/session.
import assert from "node:assert/strict";
import { createHmac, createPublicKey, sign } from "node:crypto";
import { after, before, test } from "node:test";
import { exportJWK, generateKeyPair, SignJWT } from "jose";

import { startPostern } from "../support/harness.mjs";

const ISSUER = "https://issuer.example";
const AUDIENCE = "postern";

let postern;
let created;
/** Our own signing key, out of the object that keeps it. */
let ownKey;
let foreign;

before(async () => {
  foreign = await generateKeyPair("RS256", { extractable: true });
  const jwk = { ...(await exportJWK(foreign.publicKey)), kid: "foreign-1", alg: "RS256" };
  const trusted = [{ id: "partner", issuer: ISSUER, audience: [AUDIENCE], algorithms: ["RS256"], jwks: { keys: [jwk] }, typ: "JWT" }];
  postern = await startPostern({ vars: { TRUSTED_ISSUERS: JSON.stringify(trusted) }, entrypoints: ["SessionsAdmin"] });
  created = await postern.entrypoint("SessionsAdmin").createNewSession({ userId: "alice", jwtPayload: { role: "editor" } });
  const namespace = await postern.namespace("KEY_RING");
  const answer = await namespace.get(namespace.idFromName("key-ring")).fetch("https://key-ring.internal/ring", { method: "POST", body: "" });
  const { keys } = (await answer.json()).ring;
  const kid = decode(parts()[0]).kid;
  ownKey = { kid, ...keys.find((key) => key.kid === kid) };
});
after(() => postern?.close());

const parts = () => created.accessToken.token.split(".");
const decode = (part) => JSON.parse(Buffer.from(part, "base64url").toString());
const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
const now = () => Math.floor(Date.now() / 1_000);

/** A token like ours with some changes, signed by our own key. */
function own({ header = {}, claims = {} } = {}) {
  const input = `${encode({ ...decode(parts()[0]), ...header })}.${encode({ ...decode(parts()[1]), ...claims })}`;
  const jwk = JSON.parse(textOf(ownKey.private_jwk));
  return `${input}.${sign("sha256", Buffer.from(input), { key: jwk, format: "jwk" }).toString("base64url")}`;
}

/** A secret as the object writes it: text, bytes, or base64url. */
function textOf(secret) {
  if (Array.isArray(secret)) return Buffer.from(secret).toString();
  return secret.startsWith("{") ? secret : Buffer.from(secret, "base64url").toString();
}

/** A token of the trusted issuer with some changes. */
function partner({ header = {}, claims = {}, key = foreign.privateKey } = {}) {
  const good = { iss: ISSUER, aud: AUDIENCE, sub: "bob", sid: "session-1", iat: now(), exp: now() + 600 };
  return new SignJWT({ ...good, ...claims }).setProtectedHeader({ alg: "RS256", kid: "foreign-1", typ: "JWT", ...header }).sign(key);
}

const unsigned = (header) => `${encode({ ...decode(parts()[0]), ...header })}.${parts()[1]}`;
const hmacWithPublicKey = (format) => {
  const publicKey = createPublicKey({ key: JSON.parse(ownKey.public_jwk), format: "jwk" });
  const secret = format === "jwk" ? ownKey.public_jwk : publicKey.export({ type: "spki", format });
  const input = unsigned({ alg: "HS256" });
  return `${input}.${createHmac("sha256", secret).update(input).digest("base64url")}`;
};
const strangerKey = async () => (await generateKeyPair("RS256")).privateKey;
const byStrangersKey = async (header = {}) =>
  new SignJWT(decode(parts()[1])).setProtectedHeader({ ...decode(parts()[0]), ...header }).sign(await strangerKey());

const REFRESH = { rpc: "TRY_REFRESH_TOKEN", message: "try refresh token", challenge: 'Bearer error="invalid_token"' };
const NOT_OURS = { rpc: "TRY_REFRESH_TOKEN", message: "unauthorised", challenge: "Bearer" };
const UNAUTHORISED = { rpc: "UNAUTHORISED", message: "unauthorised", challenge: 'Bearer error="invalid_token"' };

const CASES = {
  "ours, with a wrong key": [byStrangersKey, REFRESH],
  "ours, with a broken signature": [() => `${created.accessToken.token.slice(0, -20)}${"A".repeat(20)}`, REFRESH],
  "ours, without a signature": [() => `${parts()[0]}.${parts()[1]}.`, REFRESH],
  "ours, expired": [() => own({ claims: { iat: now() - 20, exp: now() - 10 } }), REFRESH],
  "ours, expired this second": [() => own({ claims: { iat: now() - 20, exp: now() } }), REFRESH],
  "ours, not yet valid": [() => own({ claims: { nbf: now() + 60 } }), REFRESH],
  "ours, of the far future": [() => own({ claims: { iat: now() + 600, exp: now() + 1_200 } }), REFRESH],
  "ours, with a wrong typ": [() => own({ header: { typ: "at+jwt" } }), REFRESH],
  "ours, with an unknown kid": [() => own({ header: { kid: "d-1" } }), REFRESH],
  "ours, unknown kid and a stranger's key": [() => byStrangersKey({ kid: "s-stranger" }), REFRESH],
  "ours, alg none": [() => `${unsigned({ alg: "none" })}.`, REFRESH],
  "ours, alg NoNe with a signature": [() => `${unsigned({ alg: "NoNe" })}.${parts()[2]}`, REFRESH],
  "ours, HS256 with our public key as PEM": [() => hmacWithPublicKey("pem"), REFRESH],
  "ours, HS256 with our public key as DER": [() => hmacWithPublicKey("der"), REFRESH],
  "ours, HS256 with our public key as JWK": [() => hmacWithPublicKey("jwk"), REFRESH],
  "ours, RS512 in the header": [() => own({ header: { alg: "RS512" } }), REFRESH],
  "ours, with a critical extension": [() => own({ header: { crit: ["exp"] } }), REFRESH],
  "ours, naming a handle that was never issued": [() => own({ claims: { sessionHandle: `${created.session.handle}x` } }), REFRESH],
  "signed by our key, for another purpose": [() => own({ header: { version: undefined }, claims: { sessionHandle: undefined } }), NOT_OURS],
  "not a token: garbage": [() => "garbage", NOT_OURS],
  "not a token: three parts of nothing": [() => "a.b.c", NOT_OURS],
  "not a token: a JWT of nobody we know": [() => partner({ claims: { iss: "https://nobody.example" } }), NOT_OURS],
  "theirs, expired": [() => partner({ claims: { iat: now() - 20, exp: now() - 10 } }), REFRESH],
  "theirs, with a wrong key": [async () => partner({ key: await strangerKey() }), UNAUTHORISED],
  "theirs, with a wrong audience": [() => partner({ claims: { aud: "another" } }), UNAUTHORISED],
  "theirs, without an audience": [() => partner({ claims: { aud: undefined } }), UNAUTHORISED],
  "theirs, not yet valid": [() => partner({ claims: { nbf: now() + 60 } }), UNAUTHORISED],
  "theirs, with a wrong typ": [() => partner({ header: { typ: "id+jwt" } }), UNAUTHORISED],
  "theirs, with an unknown kid": [() => partner({ header: { kid: "foreign-2" } }), UNAUTHORISED],
  "theirs, without expiry": [() => partner({ claims: { exp: undefined } }), UNAUTHORISED],
  "theirs, living longer than allowed": [() => partner({ claims: { exp: now() + 48 * 3_600 } }), UNAUTHORISED],
  "theirs, without a user": [() => partner({ claims: { sub: undefined } }), UNAUTHORISED],
  "theirs in name, by our own key's name": [() => partner({ header: { kid: ownKey.kid } }), { ...NOT_OURS, isAnyRefusal: true }],
};

async function atTheBrowserApi(headers) {
  const response = await postern.fetch("/auth/session", { headers });
  return { status: response.status, body: JSON.parse(await response.text()), headers: response.headers };
}

test("the tokens that the table starts from are good, ours and theirs", async () => {
  for (const accessToken of [created.accessToken.token, own(), await partner()]) {
    assert.equal((await postern.rpc.getSession({ accessToken })).status, "OK");
    const { status, headers } = await atTheBrowserApi({ authorization: `Bearer ${accessToken}` });
    assert.equal(status, 200);
    assert.equal(headers.get("cache-control"), "no-store");
    assert.equal(headers.get("www-authenticate"), null);
  }
});

for (const [name, [make, expected]] of Object.entries(CASES)) {
  test(`${name}: ${expected.rpc} over RPC, ${expected.message} at the browser API`, async () => {
    const accessToken = await make();
    const result = await postern.rpc.getSession({ accessToken });
    if (expected.isAnyRefusal) assert.match(result.status, /^(TRY_REFRESH_TOKEN|UNAUTHORISED)$/);
    else assert.equal(result.status, expected.rpc, result.message);
    assert.equal(typeof result.message, "string");
    for (const source of [{ authorization: `Bearer ${accessToken}` }, { authorization: `bearer ${accessToken}` }, { cookie: `sAccessToken=${accessToken}` }]) {
      const { status, body, headers } = await atTheBrowserApi(source);
      assert.equal(status, 401);
      assert.equal(headers.get("cache-control"), "no-store");
      assert.deepEqual(headers.getSetCookie(), []);
      assert.equal(headers.get("front-token"), null);
      if (expected.isAnyRefusal) continue;
      assert.equal(body.message, expected.message);
      assert.equal(body.status, expected.message === "unauthorised" ? "UNAUTHORISED" : "TRY_REFRESH_TOKEN");
      assert.equal(headers.get("www-authenticate"), expected.challenge);
    }
  });
}

for (const [name, headers] of Object.entries({ "no token": {}, "an empty Bearer": { authorization: "Bearer " }, "an empty cookie": { cookie: "sAccessToken=" }, "another scheme": { authorization: "Basic YTpi" } })) {
  test(`${name} is 401 unauthorised with a bare challenge`, async () => {
    const answer = await atTheBrowserApi(headers);
    assert.equal(answer.status, 401);
    assert.deepEqual(answer.body, { status: "UNAUTHORISED", message: "unauthorised" });
    assert.equal(answer.headers.get("www-authenticate"), "Bearer");
    assert.equal(answer.headers.get("cache-control"), "no-store");
    assert.deepEqual(answer.headers.getSetCookie(), []);
  });
}

test("an absent or empty token over RPC is UNAUTHORISED", async () => {
  for (const argument of [{}, { accessToken: "" }, { accessToken: undefined }]) {
    assert.equal((await postern.rpc.getSession(argument)).status, "UNAUTHORISED");
  }
});

test("of two good tokens of different sessions the one in the header decides: no other website can put it there", async () => {
  const other = await postern.entrypoint("SessionsAdmin").createNewSession({ userId: "bob" });
  const { status, body } = await atTheBrowserApi({ authorization: `Bearer ${created.accessToken.token}`, cookie: `sAccessToken=${other.accessToken.token}` });
  assert.deepEqual([status, body.session?.handle], [200, created.session.handle]);
});

test("a session that ended is 401 unauthorised, and its cookies are cleared", async () => {
  const { session, accessToken } = await postern.entrypoint("SessionsAdmin").createNewSession({ userId: "leaver" });
  await postern.entrypoint("SessionsAdmin").revokeSession({ handle: session.handle });
  const { status, body, headers } = await atTheBrowserApi({ cookie: `sAccessToken=${accessToken.token}` });
  assert.equal(status, 401);
  assert.equal(body.message, "unauthorised");
  assert.ok(headers.getSetCookie().some((cookie) => cookie.startsWith("sAccessToken=;")));
});
