// A Worker that calls the client as told: POST {call, with: [arguments]} → {value} or {thrown: {name, errType?, message}}.
// The first argument of a call about a request is {url, …} for a `Request`.
import * as postern from "postern";

export default {
  async fetch(request) {
    const { call, with: args } = await request.json();
    if (call.endsWith("ForRequest")) args[0] = new Request(args[0].url, args[0]);
    try {
      return Response.json({ value: await postern[call](...args) });
    } catch ({ name, errType, message }) {
      return Response.json({ thrown: { name, errType, message } });
    }
  },
};
