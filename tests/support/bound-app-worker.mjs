// An origin that is a Worker: tells what it received.
export default {
  async fetch(request) {
    const headers = Object.fromEntries(request.headers);
    return Response.json({ method: request.method, url: request.url, headers, cf: request.cf, a: headers["x-a"], body: await request.text() });
  },
};
