// @ts-check
// From a fresh process to its first answer, the memory of 100,000 tokens, and the size of the upload.
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { fromRoot, projectNode, wrangler } from "../../scripts/lib/paths.mjs";
import { must } from "../../scripts/lib/process.mjs";
import { heapBytes } from "../lib/inspector.mjs";
import { requestsPerCpuSecond, withTokens } from "../lib/load.mjs";
import { summary } from "../lib/rounds.mjs";
import { signingKeys, startPostern, variants } from "../lib/sessions.mjs";
import { memoryKv, postern, serve } from "../lib/workerd.mjs";

const STARTS = 15;
const TOKENS = 100_000;

/** Milliseconds from before the process exists until it has answered `GET /auth/session` without a token. @param {string} directory @param {import("../lib/workerd.mjs").Service[]} services */
async function start(directory, services) {
  const served = await serve(services, { directory });
  const { status } = await fetch(`${served.url()}/auth/session`);
  const milliseconds = Number(process.hrtime.bigint() - served.started) / 1e6;
  const cpu = served.cpuSeconds() * 1000;
  await served.end({ keep: true });
  return { milliseconds, cpu, status };
}

/**
 * The first answer of Postern, whose keys are stored already, of a Worker that does nothing, and of the same one with Postern's
 * Wasm in its upload, which it does not use: what is left to any Worker of that size.
 */
export async function firstAnswer() {
  // With the stand-in for KV in each, which is none of ours.
  const subjects = {
    postern: [postern(), memoryKv],
    noop: [{ name: "noop", entry: "bench/workers/noop.mjs" }, memoryKv],
    "noop with Wasm": [{ name: "noop", entry: "bench/workers/noop.mjs", wasm: true }, memoryKv],
  };
  /** @typedef {{services: import("../lib/workerd.mjs").Service[], directory: string, milliseconds: number[], cpu: number[]}} Subject @type {Record<string, Subject>} */
  const started = {};
  for (const [name, services] of Object.entries(subjects)) {
    const first = await serve(services);
    await fetch(`${first.url()}/auth/session`);
    await first.end({ keep: true });
    started[name] = { services, directory: first.directory, milliseconds: [], cpu: [] };
  }
  for (let round = 0; round < STARTS; round += 1) {
    for (const { services, directory, ...times } of Object.values(started)) {
      const { milliseconds, cpu } = await start(directory, services);
      times.milliseconds.push(milliseconds);
      times.cpu.push(cpu);
    }
  }
  for (const { directory } of Object.values(started)) rmSync(directory, { recursive: true });
  const { noop, postern: ours, "noop with Wasm": carrier } = started;
  const against = (/** @type {Subject} */ { milliseconds }) => summary(milliseconds.map((time, round) => time / noop.milliseconds[round]));
  const medians = (/** @type {Subject} */ { milliseconds, cpu }) => ({ milliseconds: summary(milliseconds).median, cpu: summary(cpu).median });
  return {
    ratios: { first_answer_vs_noop: against(ours), first_answer_of_noop_with_wasm_vs_noop: against(carrier) },
    postern: medians(ours),
    noop: medians(noop),
  };
}

const path = "/auth/session";

/** Asks once with each token, after some thousands of requests with one. @param {import("../lib/workerd.mjs").Served} served @param {string[]} tokens @param {() => Promise<number>} held */
async function growth(served, tokens, held) {
  await requestsPerCpuSecond(served, served.url(), { path, each: 300, headers: { authorization: `Bearer ${tokens[0]}` } });
  const before = await held();
  const residentBefore = served.memoryBytes();
  let at = 0;
  await requestsPerCpuSecond(served, served.url(), { path, each: Math.ceil(tokens.length / 32), setupClient: withTokens(() => tokens[(at += 1) % tokens.length]) });
  return { bytes: (await held()) - before, resident: served.memoryBytes() - residentBefore };
}

/** What 100,000 distinct tokens leave behind in an isolate that has answered some thousands of requests already; and what the process of a Worker that does nothing with them grows by. */
export async function memoryOfTokens(count = TOKENS) {
  const settings = { SIGNING_ALGORITHM: "ES256" };
  const first = await startPostern(settings);
  const { accessToken } = await first.createSession();
  await first.end({ keep: true });
  const make = variants(accessToken.token, signingKeys(first.directory));
  const tokens = Array.from({ length: count }, (_, number) => make(number));
  const postern = await startPostern(settings, [], { storageOf: first.directory, garbage: true, inspector: true });
  const noop = await serve([{ name: "noop", entry: "bench/workers/noop.mjs" }]);
  try {
    return {
      // The Wasm memory, and what JavaScript has once its garbage is thrown away.
      postern: await growth(postern, tokens, async () => Number(await (await fetch(postern.url("postern garbage"))).text()) + (await heapBytes(postern.inspector(), "postern"))),
      noop: await growth(noop, tokens, async () => 0),
    };
  } finally {
    await postern.end();
    await noop.end();
  }
}

/** What a deployment would send, compressed file by file. */
export async function uploadBytes() {
  const out = mkdtempSync(join(tmpdir(), "postern-upload-"));
  await must(projectNode, [wrangler, "deploy", "--dry-run", "--outdir", out], { quiet: true, cwd: fromRoot() });
  const files = readdirSync(out).filter((name) => !name.endsWith(".map") && name !== "README.md");
  const bytes = files.map((name) => gzipSync(readFileSync(join(out, name)), { level: 9 }).length);
  rmSync(out, { recursive: true });
  return bytes.reduce((sum, size) => sum + size, 0);
}
