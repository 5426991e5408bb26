import autocannon from "autocannon";
import { startGateway } from "./support/gateway.mjs";
import { startOrigin } from "./support/origin.mjs";
import { startWorkerd } from "./support/workerd.mjs";
import { copyFileSync, mkdirSync, readFileSync } from "node:fs";
copyFileSync("/tmp/exp/proxy-worker.mjs", "build/proxy-worker.mjs");
const origin = await startOrigin((q, s) => { origin.clear(); s.end("ok, here is a small body"); });
const g = await startGateway({ origins: { app: { url: origin.url } }, rules: [{ path: "/**", origin: "app", session: "optional" }], services: {}, callers: [{ name: "proxy", path: "build/proxy-worker.mjs", bindings: {} }] });
// the proxy gets its origin by url text
const cfg = readFileSync(g.directory + "/proxy.mjs", "utf8");
const { writeFileSync } = await import("node:fs");
writeFileSync(g.directory + "/proxy.mjs", cfg.replace("env.ORIGIN", JSON.stringify(origin.url)));
await g.kill(); await g.start();
const s = await g.session("alice", { role: "admin" });
const cpu = () => { const f = readFileSync(`/proc/${g.pid()}/stat`, "utf8").replace(/^.*\) /, "").split(" "); return (Number(f[11]) + Number(f[12])) / 100; };
const round = async (name, url, headers) => { const c0 = cpu(); const r = await autocannon({ url, connections: 16, duration: 3, headers }); const c = cpu() - c0; return { name, rps: r.requests.average, perCpu: r.requests.total / c, non2xx: r.non2xx }; };
const subjects = [["proxy", g.url("proxy") + "/x?y=1", s.headers], ["anon", g.url() + "/x?y=1", {}], ["session", g.url() + "/x?y=1", s.headers]];
const all = {};
for (let i = 0; i < Number(process.argv[2] ?? 4); i++) for (const [n, u, h] of subjects) { const r = await round(n, u, h); (all[n] ??= []).push(r.perCpu); if (r.non2xx) console.log(n, "non2xx", r.non2xx); }
const med = (a) => a.slice().sort((x, y) => x - y)[a.length >> 1];
for (const [n, a] of Object.entries(all)) console.log(n, a.map(Math.round).join(" "), "median", Math.round(med(a)), "vs proxy", (med(a) / med(all.proxy)).toFixed(3));
await g.close(); await origin.close();
