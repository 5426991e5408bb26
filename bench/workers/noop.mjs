// The limit: a Worker that reads nothing and answers.
export default {
  fetch() {
    return new Response("ok");
  },
};
