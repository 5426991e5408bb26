// @ts-check
// The service API: what a backend SDK asks of its core, over HTTP with an API key.
import { interleaved } from "../lib/rounds.mjs";
import { startPostern } from "../lib/sessions.mjs";

const API_KEY = "bench-key-bench-key-bench-key";

/** @param {import("../main.mjs").Plan} plan */
export async function run(plan) {
  const postern = await startPostern({ API_KEYS: API_KEY });
  const headers = { "api-key": API_KEY, "content-type": "application/json", "cdi-version": "5.3" };
  try {
    const body = JSON.stringify({ userId: "alice", userDataInJWT: {}, userDataInDatabase: {}, enableAntiCsrf: false });
    const created = /** @type {any} */ (await (await fetch(`${postern.url()}/core/recipe/session`, { method: "POST", headers, body })).json());
    const verify = (/** @type {boolean} */ checkDatabase) => ({
      name: `postern service API verify${checkDatabase ? ", strict" : ""}`,
      served: postern,
      url: postern.url(),
      load: {
        path: "/core/recipe/session/verify",
        method: "POST",
        headers,
        body: JSON.stringify({ accessToken: created.accessToken.token, enableAntiCsrf: false, doAntiCsrfCheck: false, checkDatabase }),
      },
    });
    return await interleaved([verify(false), verify(true)], plan);
  } finally {
    await postern.end();
  }
}
