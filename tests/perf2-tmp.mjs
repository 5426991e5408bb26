import autocannon from "autocannon"; import { spawn } from "node:child_process"; import { createRequire } from "node:module"; import { readFileSync, writeFileSync, mkdtempSync } from "node:fs";
import { startOrigin } from "./support/origin.mjs";
const program = createRequire(import.meta.url)("workerd").default;
const origin = await startOrigin((q, s) => { origin.clear(); s.end("ok, here is a small body"); });
const dir = mkdtempSync("/tmp/p2-"); const names = ["proxy-worker", "pB", "pC", "pD", "pE"];
for (const n of names) writeFileSync(`${dir}/${n}.mjs`, readFileSync(`/tmp/exp/${n}.mjs`, "utf8").replace("env.ORIGIN", JSON.stringify(origin.url)).replace('"ORIGIN"', JSON.stringify(origin.url)));
writeFileSync(dir + "/c.capnp", `using Workerd = import "/workerd/workerd.capnp"; const config :Workerd.Config = ( services = [ ${names.map((n) => `(name="${n}", worker=(compatibilityDate="2026-11-01", modules=[(name="${n}.mjs", esModule=embed "${n}.mjs")]))`).join(",")}, (name="internet", network=(allow=["public","private"]))], sockets=[${names.map((n, i) => `(name="${n}", address="127.0.0.1:${8810 + i}", http=(), service="${n}")`).join(",")}]);`);
const w = spawn(program, ["serve", dir + "/c.capnp", "--experimental"], { stdio: "inherit" }); await new Promise((r) => setTimeout(r, 900));
const cpu = () => { const f = readFileSync(`/proc/${w.pid}/stat`, "utf8").replace(/^.*\) /, "").split(" "); return (Number(f[11]) + Number(f[12])) / 100; };
const headers = { authorization: "Bearer " + "a".repeat(700) }; const all = {};
for (let i = 0; i < 5; i++) for (const [k, n] of names.entries()) { const c0 = cpu(); const r = await autocannon({ url: `http://127.0.0.1:${8810 + k}/x?y=1`, connections: 16, duration: 2, headers }); (all[n] ??= []).push(r.requests.total / (cpu() - c0)); }
const med = (a) => a.slice().sort((x, y) => x - y)[a.length >> 1];
for (const [n, a] of Object.entries(all)) console.log(n, a.map(Math.round).join(" "), Math.round(med(a)), (med(a) / med(all["proxy-worker"])).toFixed(3), (1e6 / med(a)).toFixed(0) + "us");
w.kill("SIGKILL"); await origin.close(); process.exit();
