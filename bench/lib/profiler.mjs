// @ts-check
// CPU profiles of a Worker, by workerd's inspector: where its own time goes, by function.
import WebSocket from "ws";

const INTERVAL_MICROSECONDS = 100;

/**
 * Profiles the Worker of a service while `load` runs.
 * @param {number} port of the inspector @param {string} service @param {() => Promise<unknown>} load
 * @returns {Promise<{name: string, share: number}[]>} functions with their share of all samples but idle ones, most first
 */
export async function profile(port, service, load) {
  const targets = await (await fetch(`http://127.0.0.1:${port}/json`)).json();
  const target = targets.find((/** @type {any} */ { id }) => id === service) ?? targets[0];
  const socket = new WebSocket(target.webSocketDebuggerUrl);
  await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
  let last = 0;
  /** @type {Map<number, (result: any) => void>} */
  const waiting = new Map();
  socket.on("message", (data) => {
    const { id, result } = JSON.parse(String(data));
    waiting.get(id)?.(result);
  });
  const send = (/** @type {string} */ method, params = {}) =>
    new Promise((resolve) => {
      waiting.set((last += 1), resolve);
      socket.send(JSON.stringify({ id: last, method, params }));
    });
  await send("Profiler.enable");
  await send("Profiler.setSamplingInterval", { interval: INTERVAL_MICROSECONDS });
  await send("Profiler.start");
  await load();
  const { profile: found } = /** @type {any} */ (await send("Profiler.stop"));
  socket.close();
  const counts = new Map();
  let total = 0;
  for (const { callFrame, hitCount } of found.nodes) {
    if (callFrame.functionName === "(idle)") continue;
    const name = `${callFrame.functionName || "(anonymous)"}${callFrame.url ? ` ${callFrame.url.split("/").pop()}:${callFrame.lineNumber + 1}` : ""}`;
    counts.set(name, (counts.get(name) ?? 0) + hitCount);
    total += hitCount;
  }
  return [...counts].map(([name, hits]) => ({ name, share: hits / total })).sort((a, b) => b.share - a.share);
}
