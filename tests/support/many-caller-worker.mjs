// Calls `getSession` of its binding VERIFY with many tokens: POST [token, …] → [status, …].
export default {
  async fetch(request, env) {
    const statuses = [];
    for (const accessToken of await request.json()) statuses.push((await env.VERIFY.getSession({ accessToken })).status);
    return Response.json(statuses);
  },
};
