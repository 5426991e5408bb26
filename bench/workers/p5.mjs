import { WorkerEntrypoint } from "cloudflare:workers";
const body = '{"session":{"handle":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx","userId":"alice","jwtPayload":{"role":"editor","team":"a1b2c3","features":["search","export"],"plan":{"name":"pro","seats":12}}}}';
const init = { headers: new Headers({ "content-type": "application/json; charset=utf-8", "cache-control": "no-store", vary: "Origin" }) };
export default class extends WorkerEntrypoint { fetch(request) { 
  const h = request.headers;
  const url = request.url, m = request.method, a = h.get("authorization"), c = h.get("cookie");
  return new Response(body, init); } };
