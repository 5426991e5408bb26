// @ts-check
// Interleaved rounds: every subject once in each, in turn, so that whatever else the machine does hits all alike.
import { requestsPerCpuSecond } from "./load.mjs";

const WARM_UP_SECONDS = 1.2;

/**
 * @typedef {object} Subject
 * @property {string} name
 * @property {import("./workerd.mjs").Served} served the process that is measured
 * @property {string} url
 * @property {import("./load.mjs").Load} load
 * @property {number} [rate] of the last round
 * @typedef {Record<string, number[]>} Rates requests per CPU second by subject, one for each round
 */

/**
 * @param {Subject[]} subjects @param {{rounds: number, seconds: number}} plan @returns {Promise<Rates>}
 */
export async function interleaved(subjects, { rounds, seconds }) {
  /** @type {Rates} */
  const rates = {};
  for (const { name, served, url, load } of subjects) {
    rates[name] = [];
    await requestsPerCpuSecond(served, url, load, WARM_UP_SECONDS);
  }
  for (let round = 0; round < rounds; round += 1) {
    // Another one begins each time: being first must not be an advantage.
    const order = subjects.map((_, at) => subjects[(at + round) % subjects.length]);
    for (const { name, served, url, load } of order) {
      const { rate } = await requestsPerCpuSecond(served, url, load, seconds);
      rates[name].push(rate);
    }
  }
  return rates;
}

/** @param {number[]} values */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The ratio of two subjects in each round, summed up. @param {Rates} rates @param {string} subject @param {string} other */
export function ratio(rates, subject, other) {
  return summary(rates[subject].map((rate, round) => rate / rates[other][round]));
}

/** @param {number[]} values */
export const summary = (values) => ({ min: Math.min(...values), median: median(values), max: Math.max(...values) });
