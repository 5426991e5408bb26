// A Worker that is bound to Postern, as an edge route would be. Tests use its bindings through `getEnv()`.
export default {
  fetch() {
    return new Response("only its bindings are used", { status: 404 });
  },
};
