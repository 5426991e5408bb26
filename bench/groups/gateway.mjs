// @ts-check
// In front of an origin: one token again and again, forwarded with the identity headers and the assertion.
import { interleaved } from "../lib/rounds.mjs";
import { startPostern } from "../lib/sessions.mjs";
import { serve } from "../lib/workerd.mjs";

/** The headers that an origin behind Postern gets and that no client sent. */
async function told() {
  const origin = await serve([{ name: "origin", entry: "bench/workers/headers-origin.mjs" }]);
  const postern = await startPostern({ SIGNING_ALGORITHM: "ES256", ORIGIN: origin.url() });
  const { accessToken } = await postern.createSession();
  const answer = await fetch(`${postern.url()}/page`, { headers: { authorization: `Bearer ${accessToken.token}` } });
  const headers = /** @type {[string, string][]} */ (await answer.json());
  await postern.end();
  await origin.end();
  return headers.filter(([name]) => name.startsWith("postern-") || name.startsWith("x-forwarded-"));
}

/** @param {import("../main.mjs").Plan} plan */
export async function run(plan) {
  const origin = await serve([{ name: "origin", entry: "bench/workers/noop.mjs" }]);
  const postern = await startPostern({ SIGNING_ALGORITHM: "ES256", ORIGIN: origin.url() });
  const { accessToken } = await postern.createSession();
  /** @type {Record<string, unknown>} */
  const vars = { ORIGIN: origin.url(), JWKS: await postern.keySet(), CHECKS: { issuer: "http://127.0.0.1:8787/auth", algorithms: ["ES256"], typ: "JWT" } };
  vars.TOLD = await told();
  const names = ["proxy", "equal-proxy", "gateway-probe", "jose-proxy"];
  const others = await Promise.all(names.map((name) => serve([{ name, entry: `bench/workers/${name}.mjs`, vars }])));
  const load = { path: "/page?x=1", headers: { authorization: `Bearer ${accessToken.token}` } };
  const subjects = [
    { name: "postern gateway", served: postern, url: postern.url(), load },
    ...others.map((served, at) => ({ name: names[at], served, url: served.url(), load })),
  ];
  try {
    return await interleaved(subjects, plan);
  } finally {
    for (const { served } of subjects) await served.end();
    await origin.end();
  }
}
