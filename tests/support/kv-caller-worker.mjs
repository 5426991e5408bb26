// Calls the KV that it is bound to as `KV`: `POST /METHOD` with a JSON list of arguments.
export default {
  async fetch(request, env) {
    const method = new URL(request.url).pathname.slice(1);
    try {
      return Response.json((await env.KV[method](...(await request.json()))) ?? null);
    } catch (error) {
      return new Response(String(error), { status: 500 });
    }
  },
};
