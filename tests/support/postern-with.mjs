// A Worker for the tests of one `describe`, with the whole of RPC and the service API at hand.
import { after, before } from "node:test";
import { apiKey, startPostern } from "./harness.mjs";
import { serviceApi } from "./service-api.mjs";

/** A Worker with settings of its own for the tests inside. @param {Record<string, unknown>} [vars] */
export function posternWith(vars) {
  const at = /** @type {{postern: Awaited<ReturnType<typeof startPostern>>, admin: any, api: ReturnType<typeof serviceApi>}} */ ({});
  before(async () => {
    at.postern = await startPostern({ vars, secrets: { API_KEYS: apiKey }, entrypoints: ["SessionsAdmin"] });
    at.admin = at.postern.entrypoint("SessionsAdmin");
    at.api = serviceApi(at.postern);
  });
  after(() => at.postern.close());
  return at;
}
