import { WorkerEntrypoint } from "cloudflare:workers";
const body = '{"session":{"handle":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx","userId":"alice","jwtPayload":{"role":"editor","team":"a1b2c3","features":["search","export"],"plan":{"name":"pro","seats":12}}}}';
const init = { headers: new Headers({ "content-type": "application/json; charset=utf-8", "cache-control": "no-store", vary: "Origin" }) };
const mem = new Uint8Array(65536);
const te = new TextEncoder(), td = new TextDecoder();
mem.set(te.encode(body), 32768);
export default class extends WorkerEntrypoint { fetch(request) { 
  const h = request.headers;
  const s = `${request.method}\n${request.url}\n${h.get("authorization") ?? ""}\n${h.get("cookie") ?? ""}`;
  te.encodeInto(s, mem);
  return new Response(td.decode(mem.subarray(32768, 32768 + body.length)), init); } };
