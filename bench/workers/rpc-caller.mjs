// An edge route that asks its session service one thing for each request.
export default {
  async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url);
    const method = pathname.slice(1);
    const argument = method === "getSession" ? { accessToken: request.headers.get("authorization").slice(7) } : { handle: searchParams.get("handle") };
    const result = await env.SESSIONS[method](argument);
    return new Response(result.status, { status: result.status === "OK" ? 200 : 500 });
  },
};
