// @ts-check
// workerd's inspector: where a Worker's CPU time goes, by function, and what it holds in memory.
// @ts-expect-error it has no types
import WebSocket from "ws";

const INTERVAL_MICROSECONDS = 100;

/**
 * A session with the Worker of a service.
 * @template T @param {number} port of the inspector @param {string} service
 * @param {(send: (method: string, params?: object) => Promise<any>) => Promise<T>} work
 */
async function inspect(port, service, work) {
  const targets = /** @type {any[]} */ (await (await fetch(`http://127.0.0.1:${port}/json`)).json());
  const target = targets.find(({ id }) => id === service) ?? targets[0];
  const socket = new WebSocket(target.webSocketDebuggerUrl);
  await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
  let last = 0;
  /** @type {Map<number, (result: any) => void>} */
  const waiting = new Map();
  socket.on("message", (/** @type {unknown} */ data) => {
    const { id, result } = JSON.parse(String(data));
    waiting.get(id)?.(result);
  });
  try {
    return await work(
      (method, params = {}) =>
        new Promise((resolve) => {
          waiting.set((last += 1), resolve);
          socket.send(JSON.stringify({ id: last, method, params }));
        }),
    );
  } finally {
    socket.close();
  }
}

/**
 * Functions with their share of all samples but idle ones, most first, while `load` runs.
 * @param {number} port @param {string} service @param {() => Promise<unknown>} load
 * @returns {Promise<{name: string, share: number}[]>}
 */
export const profile = (port, service, load) =>
  inspect(port, service, async (send) => {
    await send("Profiler.enable");
    await send("Profiler.setSamplingInterval", { interval: INTERVAL_MICROSECONDS });
    await send("Profiler.start");
    await load();
    const { profile: found } = await send("Profiler.stop");
    const counts = new Map();
    let total = 0;
    for (const { callFrame, hitCount } of found.nodes) {
      if (callFrame.functionName === "(idle)") continue;
      const name = callFrame.functionName || "(anonymous)";
      counts.set(name, (counts.get(name) ?? 0) + hitCount);
      total += hitCount;
    }
    return [...counts].map(([name, hits]) => ({ name, share: hits / total })).sort((a, b) => b.share - a.share);
  });

/** Bytes of a Worker's JavaScript heap, garbage included, and of what it holds outside. @param {number} port @param {string} service @returns {Promise<number>} */
export const heapBytes = (port, service) =>
  inspect(port, service, async (send) => {
    const { usedSize, embedderHeapUsedSize = 0, backingStorageSize = 0 } = await send("Runtime.getHeapUsage");
    return usedSize + embedderHeapUsedSize + backingStorageSize;
  });
