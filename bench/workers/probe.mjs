// The floor of any Worker that reads who asks and answers JSON: no token is verified and nothing is looked up. The same reads,
// head and body as Postern's `GET {base}/session`.
import { body, init } from "./answer.mjs";
import { facts } from "./facts.mjs";

export default {
  fetch(request) {
    facts(request);
    Date.now();
    return new Response(body, init);
  },
};
