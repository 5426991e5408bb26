// An origin that answers with the headers that it got.
export default {
  fetch(request) {
    return Response.json([...request.headers]);
  },
};
