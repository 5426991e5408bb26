const body = '{"session":{"handle":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx","userId":"alice","jwtPayload":{"role":"editor","team":"a1b2c3","features":["search","export"],"plan":{"name":"pro","seats":12}}}}';
const init = { headers: new Headers({ "content-type": "application/json; charset=utf-8", "cache-control": "no-store", vary: "Origin" }) };
const seen = new Map();
export default { fetch(request) { 
  const h = request.headers;
  const url = request.url, m = request.method, a = h.get("authorization"), c = h.get("cookie");
  if (!seen.has(a)) { if (seen.size > 10) seen.clear(); seen.set(a, body + ""); }
  return new Response(seen.get(a), init); } };
