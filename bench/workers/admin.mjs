// Prepares sessions: POST {method, argument} calls a method of Postern's admin entrypoint.
export default {
  async fetch(request, env) {
    const { method, argument } = await request.json();
    return Response.json(await env.ADMIN[method](argument));
  },
};
