// A Worker that calls the client as told: POST {call, with: [arguments]} → {value} or {thrown: {name, errType?, message}}.
import * as postern from "postern";

export default {
  async fetch(request) {
    const { call, with: args } = await request.json();
    try {
      return Response.json({ value: await postern[call](...args) });
    } catch ({ name, errType, message }) {
      return Response.json({ thrown: { name, errType, message } });
    }
  },
};
