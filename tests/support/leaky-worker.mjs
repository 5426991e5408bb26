// A Worker that does what Postern must never do: it prints what it is sent.
export default {
  async fetch(request) {
    console.log(await request.text());
    return new Response(null, { status: 204 });
  },
};
