// Calls the object named "any" of a class that it is bound to as OBJECTS: POST a list of method names → what each said.
export default {
  async fetch(request, env) {
    const stub = env.OBJECTS.get(env.OBJECTS.idFromName("any"));
    const answers = {};
    for (const method of await request.json()) {
      answers[method] = await stub[method]("https://object.internal/").then(() => "called", ({ message }) => message);
    }
    return Response.json(answers);
  },
};
