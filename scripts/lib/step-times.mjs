// @ts-check
// How long each step of a start took, across the processes of a command: what the setup measured, the command says at its end.
import { seconds } from "./process.mjs";

const VARIABLE = "POSTERN_STEP_TIMES";
/** Shorter steps are not worth a word, and a start of which all are says nothing. */
const WORTH_MS = 1_000;
const LONG_MS = 15_000;

/** @returns {[name: string, milliseconds: number][]} */
const steps = () => JSON.parse(process.env[VARIABLE] ?? "[]");

/**
 * Does a step, and remembers how long it took. Steps may overlap.
 * @template T
 * @param {string} name @param {() => Promise<T>} step
 */
export async function timed(name, step) {
  const started = Date.now();
  try {
    return await step();
  } finally {
    // Child processes inherit it.
    process.env[VARIABLE] = JSON.stringify([...steps(), [name, Date.now() - started]]);
  }
}

/** One line for a person; nothing after a start that was quick. @returns {string | undefined} */
export function stepTimes() {
  const worth = steps().filter(([, milliseconds]) => milliseconds >= WORTH_MS);
  if (!worth.some(([, milliseconds]) => milliseconds >= LONG_MS)) return undefined;
  return `Time for each step (some at once): ${worth.map(([name, milliseconds]) => `${name} ${seconds(Date.now() - milliseconds)}`).join(", ")}. The next start takes seconds.`;
}
