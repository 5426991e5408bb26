// Bodies of 1 GiB each way, while the memory of the process stays where it is.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { request } from "node:http";
import { after, before, test } from "node:test";
import { startGateway } from "../support/gateway.mjs";
import { startOrigin } from "../support/origin.mjs";

const GIB = 1024 ** 3;
const piece = Buffer.alloc(1024 * 1024, "0123456789abcdef");

/** Writes `bytes` bytes as fast as they are taken. @param {import("node:stream").Writable} to @param {number} bytes */
async function pour(to, bytes) {
  for (let left = bytes; left > 0; left -= piece.length) {
    if (!to.write(piece)) await new Promise((resolve) => to.once("drain", resolve));
  }
  to.end();
}

/** How many bytes came, and whether each was right. @param {AsyncIterable<Buffer>} from */
async function drink(from) {
  let bytes = 0;
  let isRight = true;
  for await (const chunk of from) {
    const at = bytes % 16;
    // The first bytes of each chunk tell whether something was lost, doubled or moved.
    isRight &&= chunk.subarray(0, 16 - at).equals(piece.subarray(at, Math.min(16, at + chunk.length)));
    bytes += chunk.length;
  }
  return { bytes, isRight };
}

let origin;
let gateway;
before(async () => {
  origin = await startOrigin(async (incoming, response) => {
    if (incoming.method === "GET") return pour(response, GIB);
    response.end(JSON.stringify(await drink(incoming)));
  });
  gateway = await startGateway({ origins: { app: { url: origin.url } }, rules: [{ path: "/**", origin: "app", session: "optional" }] });
  // What is there before the first byte: code, keys, the first isolate.
  const { headers } = await gateway.session();
  await (await gateway.fetch("/small", { method: "POST", body: "0123456789abcdef", headers })).text();
});
after(async () => {
  await gateway?.close();
  await origin?.close();
});

const resident = () => Number(readFileSync(`/proc/${gateway.pid()}/status`, "utf8").match(/^VmRSS:\s+(\d+) kB/m)[1]) * 1024;

/** The most memory, above what there was before, that `work` took. @param {() => Promise<unknown>} work */
async function growth(work) {
  const before = resident();
  let most = before;
  const timer = setInterval(() => (most = Math.max(most, resident())), 50);
  await work();
  clearInterval(timer);
  return most - before;
}

/** @param {string} method @param {Record<string, string | number>} headers @returns {Promise<any>} */
const started = (method, headers) =>
  new Promise((resolve, reject) => {
    const outgoing = request(`${gateway.url()}/big`, { method, headers });
    const answer = new Promise((resolve) => outgoing.once("response", resolve));
    outgoing.once("error", reject);
    resolve({ outgoing, answer });
  });

const SLACK = 32 * 1024 * 1024;

test("1 GiB down", async () => {
  const { headers } = await gateway.session();
  let got;
  const grown = await growth(async () => {
    const { outgoing, answer } = await started("GET", headers);
    outgoing.end();
    got = await drink(await answer);
  });
  assert.deepEqual(got, { bytes: GIB, isRight: true });
  assert.ok(grown < SLACK, `grew by ${grown >> 20} MiB`);
});

test("1 GiB up", async () => {
  const { headers } = await gateway.session();
  let got;
  const grown = await growth(async () => {
    const { outgoing, answer } = await started("POST", { ...headers, "content-length": GIB });
    await pour(outgoing, GIB);
    const chunks = [];
    for await (const chunk of await answer) chunks.push(chunk);
    got = JSON.parse(Buffer.concat(chunks).toString());
  });
  assert.deepEqual(got, { bytes: GIB, isRight: true });
  assert.ok(grown < SLACK, `grew by ${grown >> 20} MiB`);
});
