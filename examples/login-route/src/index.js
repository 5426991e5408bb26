// A login route: checks who the user is, starts a session, and hands its tokens to the browser.
import * as postern from "postern";

export default {
  async fetch(request) {
    if (request.method !== "POST") return Response.json({ message: "use POST" }, { status: 405, headers: { allow: "POST" } });
    const user = await userOf(request);
    if (!user) return Response.json({ message: "unknown user or wrong password" }, { status: 401 });

    const { session, headers } = await postern.createNewSessionForRequest(request, user.id, { role: user.role }, { cart: [] });
    const response = Response.json({ userId: session.userId });
    for (const [name, value] of headers) response.headers.append(name, value);
    return response;
  },
};

/** Stands for your own check: a password, a passkey, a code by mail. */
const USERS = { alice: { id: "alice", role: "editor", password: "wonderland" } };

async function userOf(request) {
  // A page of another site can send a form, but no JSON without asking first (CORS): so nobody is logged in unasked.
  if (!request.headers.get("content-type")?.startsWith("application/json")) return undefined;
  const { name, password } = await request.json().catch(() => ({}));
  const user = Object.hasOwn(USERS, name) ? USERS[name] : undefined;
  return user?.password === password ? user : undefined;
}
