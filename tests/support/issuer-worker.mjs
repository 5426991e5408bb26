// An issuer of tokens as a Worker: serves the key set that its variable JWKS holds.
export default {
  fetch(request, env) {
    const isKeySet = new URL(request.url).pathname === "/.well-known/jwks.json";
    return isKeySet ? Response.json(env.JWKS) : new Response("not found", { status: 404 });
  },
};
