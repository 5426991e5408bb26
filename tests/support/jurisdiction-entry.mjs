// Postern with jurisdictions, which workerd does not have: an object of a jurisdiction has another name, and knows where it is.
import { KeyRing as RustKeyRing } from "../../build/index.js";
import postern from "../../src/entry.mjs";
import { object } from "../../src/durable-object.mjs";

export { Revocations, UserSessions } from "../../src/entry.mjs";

/** A namespace of the platform's, as far as Postern uses one. */
class Namespace {
  constructor(real, prefix = "") {
    this.real = real;
    this.prefix = prefix;
  }
  jurisdiction(name) {
    return new Namespace(this.real, `${name}/`);
  }
  getByName(name, options) {
    return this.real.getByName(this.prefix + name, options);
  }
}

const worlds = new WeakMap();
/** @param {any} env */
function world(env) {
  if (!worlds.has(env)) worlds.set(env, { ...env, ...Object.fromEntries(["KEY_RING", "USER_SESSIONS", "REVOCATIONS"].map((name) => [name, new Namespace(env[name])])) });
  return worlds.get(env);
}

/** What Postern uses of an object's context, with the jurisdiction in its id. @param {any} ctx */
const placed = (ctx) => ({
  id: { jurisdiction: /^(eu|us|fedramp)\//.exec(ctx.id.name)?.[1] },
  storage: ctx.storage,
  waitUntil: (promise) => ctx.waitUntil(promise),
  blockConcurrencyWhile: (callback) => ctx.blockConcurrencyWhile(callback),
});

export class KeyRing extends object(function (ctx, env) {
  return new RustKeyRing(placed(ctx), world(env));
}) {}

export default { ...postern, fetch: (request, env, ctx) => postern.fetch(request, world(env), ctx) };
