// Passes a request on to an object of the class that it is bound to as OBJECTS: `/NAME/path` → `/path` of the object NAME.
export default {
  async fetch(request, env) {
    const [, name, ...path] = new URL(request.url).pathname.split("/");
    const stub = env.OBJECTS.get(env.OBJECTS.idFromName(name));
    return stub.fetch(`https://object.internal/${path.join("/")}`, { method: "POST", body: await request.text() });
  },
};
