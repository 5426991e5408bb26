// @ts-check
// One token again and again: what most requests of a browser or an app are.
import { serve } from "../lib/workerd.mjs";
import { startPostern } from "../lib/sessions.mjs";
import { interleaved } from "../lib/rounds.mjs";

export const title = "The same token again and again (`GET /auth/session`, ES256)";

/** @param {{rounds: number, seconds: number}} plan */
export async function run(plan) {
  const postern = await startPostern({ SIGNING_ALGORITHM: "ES256" });
  const { accessToken } = await postern.createSession();
  const vars = { JWKS: await postern.keySet(), CHECKS: { issuer: "http://127.0.0.1:8787/auth", algorithms: ["ES256"], typ: "JWT" } };
  const names = ["noop", "jose", "hono", "tsndr", ...(plan.extra ?? [])];
  const others = await Promise.all(names.map((name) => serve([{ name, entry: `bench/workers/${name}.mjs`, vars }])));
  const load = { path: "/auth/session", headers: { authorization: `Bearer ${accessToken.token}` } };
  const subjects = [
    { name: "postern", served: postern, url: postern.url(), load },
    ...others.map((served, at) => ({ name: names[at], served, url: served.url(), load })),
  ];
  try {
    return await interleaved(subjects, plan);
  } finally {
    for (const { served } of subjects) await served.end();
  }
}
