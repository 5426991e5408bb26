// What the floors answer: body and head as Postern's `GET {base}/session`. Not in a floor's own file: workerd takes what a
// Worker's main module exports for its handlers.
export const body = JSON.stringify({ session: { handle: "h".repeat(67), userId: "alice", jwtPayload: { role: "editor", team: "a1b2c3", features: ["search", "export"], plan: { name: "pro", seats: 12 } } } });
export const init = { status: 200, headers: new Headers({ "content-type": "application/json; charset=utf-8", "cache-control": "no-store", vary: "Origin" }) };
