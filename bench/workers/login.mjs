// An origin whose every answer creates a session for alice, by a directive.
export default {
  fetch(request) {
    const key = request.headers.get("postern-directive-key") ?? "";
    return new Response("in", { headers: { "postern-directive-key": key, "postern-create-session": btoa(JSON.stringify({ userId: "alice" })) } });
  },
};
