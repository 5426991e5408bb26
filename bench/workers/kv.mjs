// Stands behind a KV binding, which asks it over HTTP: everything in memory, nothing checked.
const entries = new Map();

export default {
  async fetch(request) {
    const key = decodeURIComponent(new URL(request.url).pathname.slice(1));
    if (request.method === "PUT") {
      entries.set(key, { text: await request.text(), metadata: request.headers.get("CF-KV-Metadata") ?? "null" });
      return new Response();
    }
    if (request.method === "DELETE") {
      entries.delete(key);
      return new Response();
    }
    const entry = entries.get(key);
    return entry ? new Response(entry.text, { headers: { "CF-KV-Metadata": entry.metadata } }) : new Response("Not Found", { status: 404 });
  },
};
