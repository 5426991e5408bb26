// @ts-check
// `npm run bench`: every subject on the same workerd, in one run; `npm run bench -- GROUP…` for some of it: warm, cold, dpop,
// gateway, rpc, refresh, service-api, start, growth.
//
// Figures are requests per CPU second of the process that answers. The whole writes results.md, results.json and
// results.svg beside this file; a part only prints.
import { loadavg } from "node:os";
import { say, seconds } from "../scripts/lib/process.mjs";
import { build } from "../scripts/build.mjs";
import { ratio } from "./lib/rounds.mjs";
import { print, write } from "./lib/report.mjs";
import { run as cold } from "./groups/cold.mjs";
import { COST_VALUES, costs } from "./groups/costs.mjs";
import { run as dpop } from "./groups/dpop.mjs";
import { run as gateway } from "./groups/gateway.mjs";
import { growth } from "./groups/growth.mjs";
import { run as refresh } from "./groups/refresh.mjs";
import { run as rpc } from "./groups/rpc.mjs";
import { run as serviceApi } from "./groups/service-api.mjs";
import { firstAnswer, memoryOfTokens, uploadBytes } from "./groups/start.mjs";
import { run as warm } from "./groups/warm.mjs";

/**
 * @typedef {{rounds: number, requests: number}} Plan
 * @typedef {{name: string, subject: string, other: string, target?: number, what: string}} Ratio
 */

/** Rounds of each part: an odd number, so that the median is one of them. */
const ROUNDS = 15;

/** Each with the requests of a round. @type {Record<string, {run: (plan: Plan) => Promise<import("./lib/rounds.mjs").Rates>, requests: number}>} */
const THROUGHPUT = {
  warm: { run: warm, requests: 3_200 },
  cold: { run: cold, requests: 2_560 },
  dpop: { run: dpop, requests: 1_280 },
  gateway: { run: gateway, requests: 1_600 },
  rpc: { run: rpc, requests: 1_280 },
  refresh: { run: refresh, requests: 320 },
  "service-api": { run: serviceApi, requests: 1_280 },
};

/** At least so much of jose's throughput with tokens that were not seen before. @type {Record<string, number>} */
const COLD_TARGETS = { RS256: 1, ES256: 1.08, EdDSA: 1.08, HS256: 1.15 };

/** What is compared with what, and what it should come to. @type {Ratio[]} */
const RATIOS = [
  { name: "warm_vs_jose", subject: "postern", other: "jose", target: 2.3, what: "repeated token, ES256, against jose" },
  { name: "warm_vs_noop", subject: "postern", other: "noop", target: 0.8, what: "the same against a Worker that does nothing" },
  { name: "warm_vs_probe", subject: "postern", other: "probe", what: "the same against one that reads the same and answers the same, without verifying anything" },
  { name: "probe_vs_noop", subject: "probe", other: "noop", what: "what is left to any Worker that answers such a request" },
  { name: "warm_vs_hono", subject: "postern", other: "hono", what: "repeated token, ES256, against hono" },
  { name: "warm_vs_tsndr", subject: "postern", other: "tsndr", what: "repeated token, ES256, against @tsndr/cloudflare-worker-jwt" },
  { name: "warm_with_metrics", subject: "postern with metrics", other: "postern", target: 0.98, what: "repeated token, with the binding METRICS against without" },
  { name: "warm_bound_vs_warm", subject: "postern bound cookie", other: "postern cookie", target: 0.95, what: "a session in cookies that is bound to a device, against one that is not" },
  ...Object.entries(COLD_TARGETS).map(([algorithm, target]) => ({
    name: `cold_${algorithm.toLowerCase()}_vs_jose`,
    subject: `postern ${algorithm}`,
    other: `jose ${algorithm}`,
    target,
    what: `every token distinct, ${algorithm}, against jose`,
  })),
  ...["RS256", "ES256", "EdDSA"].flatMap((algorithm) => [
    { name: `cold_${algorithm.toLowerCase()}_vs_probe`, subject: `postern ${algorithm}`, other: `signature-probe ${algorithm}`, what: "the same against one that checks the signature and nothing else, and answers the same" },
    { name: `signature_probe_${algorithm.toLowerCase()}_vs_jose`, subject: `signature-probe ${algorithm}`, other: `jose ${algorithm}`, what: "what is left to any Worker that checks a signature" },
  ]),
  { name: "dpop_vs_jose_dpop", subject: "postern DPoP", other: "jose DPoP", target: 1, what: "a trusted issuer's bound token with a fresh proof (DPoP), against jose" },
  { name: "gateway_vs_proxy", subject: "postern gateway", other: "proxy", target: 0.7, what: "gateway, repeated token, assertion on, against a proxy that verifies nothing" },
  { name: "gateway_vs_equal_proxy", subject: "postern gateway", other: "equal-proxy", target: 0.78, what: "the same against one that tells the origin as much" },
  { name: "gateway_vs_probe", subject: "postern gateway", other: "gateway-probe", what: "the same against one that does the same with the headers, without verifying or deciding anything" },
  { name: "gateway_probe_vs_proxy", subject: "gateway-probe", other: "proxy", what: "what is left to any gateway that does so" },
  { name: "gateway_vs_jose_proxy", subject: "postern gateway", other: "jose-proxy", target: 1.25, what: "gateway against a proxy that verifies with jose" },
  { name: "rpc_get_session_vs_js", subject: "postern getSession", other: "js getSession", target: 1.6, what: "RPC, against jose behind the same binding" },
  ...["1 KiB", "1 MiB"].map((size) => ({
    name: `rpc_get_session_data_${size.replace(" ", "").toLowerCase()}_vs_js`,
    subject: `postern getSessionData ${size}`,
    other: `js getSessionData ${size}`,
    target: 1.05,
    what: `RPC, ${size} of data, against kv.get behind the same binding`,
  })),
  ...["RS256", "ES256"].map((algorithm) => ({
    name: `refresh_${algorithm.toLowerCase()}_vs_js`,
    subject: `postern refresh ${algorithm}`,
    other: `js refresh ${algorithm}`,
    target: 0.95,
    what: `rotation in the Durable Object, ${algorithm}, against the same steps in JavaScript`,
  })),
  { name: "refresh_default_vs_new", subject: "postern refresh ES256", other: "postern refresh RS256", target: 2, what: "rotation with ES256, against the same with RS256" },
];

/** What is measured once. @type {Record<string, {target?: number, what: string}>} */
const VALUES = {
  ...COST_VALUES,
  upload_gzip_bytes: { target: 700_000, what: "bytes of the upload, gzipped" },
  memory_100k_tokens_bytes: { target: 16 * 1024 * 1024, what: "bytes that 100,000 distinct tokens leave behind in the isolate: Wasm memory and JavaScript heap, garbage thrown away" },
  memory_100k_tokens_resident_bytes: { what: "what they add to the resident memory of the process, which is the runtime's before all" },
  memory_100k_tokens_noop_resident_bytes: { what: "the same of a Worker that does nothing" },
  first_answer_ms: { what: "ms from starting a process to its first answer, Postern" },
  first_answer_noop_ms: { what: "the same, the Worker that does nothing" },
  first_answer_cpu_ms: { what: "ms of CPU for it, Postern" },
  first_answer_noop_cpu_ms: { what: "the same, the Worker that does nothing" },
};

const chosen = process.argv.slice(2);
const parts = [...Object.keys(THROUGHPUT), "start", "growth", "costs"];
const unknown = chosen.filter((name) => !parts.includes(name));
if (unknown.length > 0) {
  say(`error: no part ${unknown.join(", ")}; there are: ${parts.join(", ")}`);
  process.exit(1);
}
const wanted = (/** @type {string} */ name) => chosen.length === 0 || chosen.includes(name);

await build();
const started = Date.now();
const before = loadavg();
/** @type {import("./lib/report.mjs").Results} */
const results = { rates: {}, ratios: {}, values: {}, growth: [], load: { before, after: before } };
for (const [name, { run, requests }] of Object.entries(THROUGHPUT)) {
  if (!wanted(name)) continue;
  say(`${name} (${seconds(started)})`);
  Object.assign(results.rates, await run({ rounds: ROUNDS, requests }));
}
for (const { name, subject, other } of RATIOS) {
  if (results.rates[subject] && results.rates[other]) results.ratios[name] = ratio(results.rates, subject, other);
}
if (wanted("start")) {
  say(`start (${seconds(started)})`);
  const first = await firstAnswer();
  Object.assign(results.ratios, first.ratios);
  results.values.first_answer_ms = first.postern.milliseconds;
  results.values.first_answer_noop_ms = first.noop.milliseconds;
  results.values.first_answer_cpu_ms = first.postern.cpu;
  results.values.first_answer_noop_cpu_ms = first.noop.cpu;
  results.values.upload_gzip_bytes = await uploadBytes();
  const memory = await memoryOfTokens();
  results.values.memory_100k_tokens_bytes = memory.postern.bytes;
  results.values.memory_100k_tokens_resident_bytes = memory.postern.resident;
  results.values.memory_100k_tokens_noop_resident_bytes = memory.noop.resident;
}
if (wanted("costs")) Object.assign(results.values, await costs());
if (wanted("growth")) {
  say(`growth (${seconds(started)})`);
  results.growth = await growth(started);
}
const ratios = [
  ...RATIOS,
  { name: "first_answer_vs_noop", subject: "", other: "", atMost: 1.6, what: "time from starting a process to its first answer, against a Worker that does nothing" },
  { name: "first_answer_of_noop_with_wasm_vs_noop", subject: "", other: "", what: "the same of a Worker that does nothing and has Postern's Wasm in its upload: what is left to any of that size" },
];
results.load.after = loadavg();
print(results, ratios, VALUES);
if (chosen.length === 0) write(results, ratios, VALUES, seconds(started));
say(`The bench took ${seconds(started)}`);
process.exit(0);
