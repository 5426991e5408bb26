// @ts-check
// One token again and again: what most requests of a browser or an app are.
import { dbscBrowser } from "../../tests/support/dbsc-client.mjs";
import { interleaved } from "../lib/rounds.mjs";
import { startPostern } from "../lib/sessions.mjs";
import { serve } from "../lib/workerd.mjs";

const OTHERS = ["noop", "probe", "jose", "hono", "tsndr"];
const PATH = "/auth/session";
const SETTINGS = { SIGNING_ALGORITHM: "ES256" };

/** A Postern with a login page behind it, and the cookies of a browser that has signed in there and bound its session to its device, with and without the one that shows that. */
async function withCookies() {
  const origin = await serve([{ name: "origin", entry: "bench/workers/login.mjs" }]);
  const gatewayRules = JSON.stringify({ origins: { app: { url: origin.url() } }, rules: [{ path: "/login", methods: ["POST"], session: "optional", directives: true }] });
  const cookies = async (/** @type {Record<string, unknown>} */ settings) => {
    const served = await startPostern({ ...SETTINGS, HOST_PREFIXED_COOKIE: false, ...settings }, [], { gatewayRules });
    const browser = dbscBrowser(served.url());
    const answer = await browser.fetch("/login", { method: "POST" });
    if (!answer.ok) throw new Error(`login: ${answer.status} ${await answer.text()}\n${served.output()}`);
    return { served, cookie: browser.cookies(PATH) };
  };
  const found = { bound: await cookies({ DEVICE_BINDING: "offer" }), unbound: await cookies({}) };
  await origin.end();
  if (!found.bound.cookie.includes("sDevice")) throw new Error("the session was not bound");
  return found;
}

/** @param {import("../main.mjs").Plan} plan */
export async function run(plan) {
  const postern = await startPostern(SETTINGS);
  const { accessToken } = await postern.createSession();
  const vars = { JWKS: await postern.keySet(), CHECKS: { issuer: "http://127.0.0.1:8787/auth", algorithms: ["ES256"], typ: "JWT" } };
  const others = await Promise.all(OTHERS.map((name) => serve([{ name, entry: `bench/workers/${name}.mjs`, vars }])));
  const metrics = await startPostern(SETTINGS, [], { bindings: { METRICS: { analytics: "kv" } } });
  const counted = await metrics.createSession();
  const { bound, unbound } = await withCookies();
  const bearer = (/** @type {string} */ token) => ({ path: PATH, headers: { authorization: `Bearer ${token}` } });
  const subjects = [
    { name: "postern", served: postern, url: postern.url(), load: bearer(accessToken.token) },
    ...others.map((served, at) => ({ name: OTHERS[at], served, url: served.url(), load: bearer(accessToken.token) })),
    { name: "postern with metrics", served: metrics, url: metrics.url(), load: bearer(counted.accessToken.token) },
    { name: "postern cookie", served: unbound.served, url: unbound.served.url(), load: { path: PATH, headers: { cookie: unbound.cookie } } },
    { name: "postern bound cookie", served: bound.served, url: bound.served.url(), load: { path: PATH, headers: { cookie: bound.cookie } } },
  ];
  try {
    return await interleaved(subjects, plan);
  } finally {
    for (const { served } of subjects) await served.end();
  }
}
