// @ts-check
// Interleaved rounds: every subject once in each, in turn, so that whatever else the machine does hits all alike. A round is a
// number of requests, all of whose answers are waited for: one of a fixed time ends with connections cut off.
import { requestsPerCpuSecond } from "./load.mjs";

/** How many rounds' worth of requests come before what is counted. */
const WARM_UP = 3;

/**
 * @typedef {object} Subject
 * @property {string} name
 * @property {import("./workerd.mjs").Served} served the process that is measured
 * @property {string} url
 * @property {import("./load.mjs").Load} load
 * @typedef {Record<string, number[]>} Rates requests per CPU second by subject, one for each round
 * @typedef {{min: number, q25: number, median: number, q75: number, max: number}} Summary
 */

/**
 * @param {Subject[]} subjects @param {{rounds: number, requests: number}} plan of each subject in each round, unless its load says `each`
 * @returns {Promise<Rates>}
 */
export async function interleaved(subjects, { rounds, requests }) {
  /** @type {Rates} */
  const rates = {};
  const ask = async (/** @type {Subject} */ { served, url, load }) => (await requestsPerCpuSecond(served, url, sized(load, requests))).rate;
  for (const subject of subjects) {
    rates[subject.name] = [];
    for (let round = 0; round < WARM_UP; round += 1) await ask(subject);
  }
  for (let round = 0; round < rounds; round += 1) {
    // Another one begins each time: being first must not be an advantage.
    const order = subjects.map((_, at) => subjects[(at + round) % subjects.length]);
    for (const subject of order) rates[subject.name].push(await ask(subject));
  }
  return rates;
}

/** A load of about so many requests in all, unless it says how many. @param {import("./load.mjs").Load} load @param {number} requests */
const sized = (load, requests) => ({ each: Math.ceil(requests / connectionsOf(load)), ...load });

/** @param {import("./load.mjs").Load} load */
const connectionsOf = ({ connections = 32 }) => connections;

/** The value below which such a part of all lies. @param {number[]} values @param {number} part */
function quantile(values, part) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * part;
  const [low, high] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  return low + (high - low) * (at - Math.floor(at));
}

/** @param {number[]} values */
export const median = (values) => quantile(values, 0.5);

/** The ratio of two subjects in each round, summed up. @param {Rates} rates @param {string} subject @param {string} other */
export function ratio(rates, subject, other) {
  return summary(rates[subject].map((rate, round) => rate / rates[other][round]));
}

/** @param {number[]} values @returns {Summary} */
export const summary = (values) => ({ min: Math.min(...values), q25: quantile(values, 0.25), median: median(values), q75: quantile(values, 0.75), max: Math.max(...values) });
