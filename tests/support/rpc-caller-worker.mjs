// Calls a service that it is bound to, with any value at all: POST {service, method, args} → {value} or {thrown}.
import { parse, text } from "./values.mjs";

export default {
  async fetch(request, env) {
    const { service, method, args } = parse(await request.text());
    try {
      return new Response(text({ value: await env[service][method](...args) }));
    } catch ({ name, message }) {
      return new Response(text({ thrown: { name, message } }));
    }
  },
};
