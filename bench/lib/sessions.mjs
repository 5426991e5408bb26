// @ts-check
// Sessions of a Postern under measurement, and as many distinct access tokens for them as a bench needs.
import { createPrivateKey, sign } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { memoryKv, postern, serve } from "./workerd.mjs";

/** @type {import("./workerd.mjs").Service} */
const admin = { name: "admin", entry: "bench/workers/admin.mjs", bindings: { ADMIN: { service: "postern", entrypoint: "SessionsAdmin" } } };

/** The payload of every session: what an application of some size puts there. */
export const PAYLOAD = { role: "editor", team: "a1b2c3", features: ["search", "export"], plan: { name: "pro", seats: 12 } };

/**
 * Postern with its KV and a Worker that administers it, all in one process; further services may be bound to it.
 * @param {Record<string, unknown>} [vars] @param {import("./workerd.mjs").Service[]} [others] @param {Parameters<typeof serve>[1] & {gatewayRules?: string, bindings?: Record<string, import("./workerd.mjs").Binding>, garbage?: boolean}} [options]
 */
export async function startPostern(vars, others = [], options) {
  const own = postern(vars, options?.gatewayRules, options?.bindings);
  if (options?.garbage) Object.assign(own, { garbage: true, entry: "bench/workers/postern-garbage.mjs" });
  const served = await serve([own, memoryKv, admin, ...others], options);
  /** A method of the admin entrypoint, whose result must be OK. @param {string} method @param {object} argument */
  const call = async (method, argument) => {
    const answer = await fetch(served.url("admin"), { method: "POST", body: JSON.stringify({ method, argument }) });
    const result = /** @type {any} */ (await answer.json());
    if (result.status !== "OK") throw new Error(`${method}: ${JSON.stringify(result)}\n${served.output()}`);
    return result;
  };
  return {
    ...served,
    call,
    /** @param {string} [userId] @param {object} [more] */
    createSession: (userId = "alice", more = {}) => call("createNewSession", { userId, jwtPayload: PAYLOAD, ...more }),
    /** The key set that others verify with. */
    keySet: async () => (await fetch(`${served.url()}/auth/jwt/jwks.json`)).json(),
  };
}
/** @typedef {Awaited<ReturnType<typeof startPostern>>} Postern */

/**
 * Signs tokens as Postern would, with the keys that lie in its storage: making each by a request would take longer than
 * everything else.
 * @param {string} directory of a process that has made its keys
 */
export function signingKeys(directory) {
  const folder = join(directory, "postern-objects", "postern-KeyRing");
  /** @type {Map<string, import("node:crypto").KeyObject>} */
  const keys = new Map();
  for (const name of readdirSync(folder).filter((file) => file.endsWith(".sqlite") && file !== "metadata.sqlite")) {
    const database = new DatabaseSync(join(folder, name), { readOnly: true });
    for (const { record } of database.prepare("SELECT record FROM signing_keys").all()) {
      const { kid, private_jwk: jwk } = JSON.parse(String(record));
      if (jwk) keys.set(kid, createPrivateKey({ key: JSON.parse(Buffer.from(jwk, "base64url").toString()), format: "jwk" }));
    }
    database.close();
  }
  return keys;
}

export const encoded = (/** @type {object} */ part) => Buffer.from(JSON.stringify(part)).toString("base64url");

/**
 * Tokens like `token`, each with another claim and a signature of its own.
 * @param {string} token @param {Map<string, import("node:crypto").KeyObject>} keys
 */
export function variants(token, keys) {
  const [header, claims] = token.split(".").slice(0, 2).map((part) => JSON.parse(Buffer.from(part, "base64url").toString()));
  const key = /** @type {import("node:crypto").KeyObject} */ (keys.get(header.kid));
  return (/** @type {number} */ number, more = {}) => {
    const input = `${encoded(header)}.${encoded({ ...claims, number, ...more })}`;
    return `${input}.${signature(header.alg, key, input)}`;
  };
}

/** @param {string} alg @param {import("node:crypto").KeyObject} key @param {string} input */
export function signature(alg, key, input) {
  const bytes = Buffer.from(input);
  if (alg === "ES256") return sign("sha256", bytes, { key, dsaEncoding: "ieee-p1363" }).toString("base64url");
  return sign(alg === "EdDSA" ? null : "sha256", bytes, key).toString("base64url");
}
