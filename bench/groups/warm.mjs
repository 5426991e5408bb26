// @ts-check
// One token again and again: what most requests of a browser or an app are.
import { interleaved } from "../lib/rounds.mjs";
import { startPostern } from "../lib/sessions.mjs";
import { serve } from "../lib/workerd.mjs";

const OTHERS = ["noop", "probe", "jose", "hono", "tsndr"];

/** @param {import("../main.mjs").Plan} plan */
export async function run(plan) {
  const postern = await startPostern({ SIGNING_ALGORITHM: "ES256" });
  const { accessToken } = await postern.createSession();
  const vars = { JWKS: await postern.keySet(), CHECKS: { issuer: "http://127.0.0.1:8787/auth", algorithms: ["ES256"], typ: "JWT" } };
  const others = await Promise.all(OTHERS.map((name) => serve([{ name, entry: `bench/workers/${name}.mjs`, vars }])));
  const load = { path: "/auth/session", headers: { authorization: `Bearer ${accessToken.token}` } };
  const subjects = [
    { name: "postern", served: postern, url: postern.url(), load },
    ...others.map((served, at) => ({ name: OTHERS[at], served, url: served.url(), load })),
  ];
  try {
    return await interleaved(subjects, plan);
  } finally {
    for (const { served } of subjects) await served.end();
  }
}
