// @ts-check
// Where an export's lines go: to stdout, or to a file that knows how far it is.
import { once } from "node:events";
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { StepFailed } from "../process.mjs";

/** @typedef {{after: string | undefined, write: (lines: string[], position: string) => Promise<void>, done: () => Promise<void>}} Sink */

/** @returns {Sink} */
export function stdoutSink() {
  return {
    after: undefined,
    async write(lines) {
      for (const line of lines) if (!process.stdout.write(`${line}\n`)) await once(process.stdout, "drain");
    },
    async done() {},
  };
}

/**
 * A new file, or one whose position file says how many of its bytes are whole and where to go on. Nothing else is ever written over.
 * @param {string} path @returns {Sink}
 */
export function fileSink(path) {
  const positions = `${path}.position`;
  const known = positionIn(positions);
  if (known === undefined && existsSync(path)) throw new StepFailed(`${path} exists already: name another file`);
  if (known !== undefined && !existsSync(path)) throw new StepFailed(`${positions} is of a file that is gone: delete it to begin anew`);
  let bytes = known?.bytes ?? 0;
  /** @type {Promise<import("node:fs/promises").FileHandle> | undefined} */
  let opened;
  const file = async () => {
    const handle = await open(path, known === undefined ? "wx" : "r+", 0o600);
    // A page that was not written wholly comes again.
    await handle.truncate(bytes);
    return handle;
  };
  return {
    after: known?.after,
    async write(lines, position) {
      if (lines.length === 0) return;
      const handle = await (opened ??= file());
      const block = Buffer.from(lines.map((line) => `${line}\n`).join(""));
      for (let written = 0; written < block.length; ) written += (await handle.write(block, written, block.length - written, bytes + written)).bytesWritten;
      bytes += block.length;
      await handle.datasync();
      writeFileSync(`${positions}.new`, JSON.stringify({ bytes, after: position }), { mode: 0o600 });
      renameSync(`${positions}.new`, positions);
    },
    async done() {
      await (await (opened ??= file())).close();
      rmSync(positions, { force: true });
    },
  };
}

/** @param {string} path @returns {{bytes: number, after: string} | undefined} */
function positionIn(path) {
  if (!existsSync(path)) return undefined;
  try {
    const { bytes, after } = JSON.parse(readFileSync(path, "utf8"));
    if (Number.isSafeInteger(bytes) && bytes >= 0 && typeof after === "string") return { bytes, after };
  } catch {
    // Said below.
  }
  throw new StepFailed(`${path} cannot be read: delete it and its file to begin anew`);
}
