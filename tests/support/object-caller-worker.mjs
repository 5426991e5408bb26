// Calls the object named "any" of a class that it is bound to as OBJECTS: POST [method, …arguments].
export default {
  async fetch(request, env) {
    const [method, ...args] = await request.json();
    const stub = env.OBJECTS.get(env.OBJECTS.idFromName("any"));
    try {
      return Response.json({ value: String(await stub[method](...args)) });
    } catch ({ message }) {
      return Response.json({ thrown: message });
    }
  },
};
