// The WebSocket pump. A socket that is only passed through cannot be closed by us, so for a session that must still
// stand both ends are accepted and frames are handed on here: a crossing into Wasm for each would be waste.

/** Reading cannot be paused, so what a slow end has not taken is bounded. */
const MOST_UNSENT_BYTES = 1024 * 1024;
const OPEN = 1;
const TRY_AGAIN_LATER = 1013;
const REASONS = { 4401: "session expired", 4403: "session revoked", [TRY_AGAIN_LATER]: "session cannot be checked" };

/**
 * The answer to an upgrade, with our two sockets between client and origin.
 * @param {Response} answer the origin's, with its socket
 * @param {number} wait milliseconds until the session is looked at for the first time
 * @param {() => number | Promise<number>} look milliseconds until the next look; 0 = nobody can tell; or a close code, negative
 */
export function pump(answer, wait, look) {
  const [outer, client] = Object.values(new WebSocketPair());
  const origin = answer.webSocket;
  let timer;
  let unknown = 0;

  const close = (socket, code, reason) => {
    try {
      // 1005 says that there was no code, 1006 that there was no end: neither can be sent.
      if (code === 1005) socket.close();
      else if (code === 1006) socket.close(1011, "connection lost");
      else socket.close(code, reason);
    } catch {
      // It is closed already.
    }
  };
  const end = (code, reason) => {
    clearTimeout(timer);
    close(client, code, reason);
    close(origin, code, reason);
  };
  const connect = (from, to) => {
    from.binaryType = "arraybuffer";
    from.accept();
    from.addEventListener("message", ({ data }) => {
      if (to.readyState !== OPEN) return;
      to.send(data);
      if (to.bufferedAmount > MOST_UNSENT_BYTES) end(TRY_AGAIN_LATER, "too slow");
    });
    from.addEventListener("close", ({ code, reason }) => end(code, reason));
    from.addEventListener("error", () => end(1011, "connection lost"));
  };
  const lookAgain = async () => {
    const verdict = await Promise.resolve().then(look).catch(() => 0);
    unknown = verdict === 0 ? unknown + 1 : 0;
    if (verdict > 0) wait = verdict;
    // Two looks in vain are the whole bound since the last good one.
    const code = unknown > 1 ? TRY_AGAIN_LATER : -verdict;
    if (code > 0) end(code, REASONS[code]);
    else if (client.readyState === OPEN) timer = setTimeout(lookAgain, wait);
  };

  connect(client, origin);
  connect(origin, client);
  timer = setTimeout(lookAgain, wait);
  return new Response(null, { status: 101, webSocket: outer, headers: answer.headers });
}
