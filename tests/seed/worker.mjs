// An edge route that runs the document's example as it stands: POST {form, accessToken, antiCsrfToken}.
import * as javascript from "./example.cjs";
import * as typescript from "./example.ts";

const forms = { javascript, typescript };

export default {
  async fetch(request) {
    const { form, ...tokens } = await request.json();
    globalThis.seedTokens = tokens;
    await forms[form].changeSessionDataAPI();
    return new Response("done");
  },
};
