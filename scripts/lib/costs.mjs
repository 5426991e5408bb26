// @ts-check
// What a month costs: the counts of docs/costs.json (tests/worker/costs.test.mjs counts them on workerd) at list prices.
import { readFileSync } from "node:fs";
import { fromRoot } from "./paths.mjs";

/**
 * @typedef {import("../../tests/support/costs.mjs").Cost} Cost
 * @typedef {{name: string, each_million: number, included: number}} Unit
 * @typedef {{prices: {looked_up: string, source: string[], plan: number, units: Record<string, Unit>}, counts: Record<string, {atOnce: Cost, later: Cost}>}} Costs
 */

/** @returns {Costs} */
export const readCosts = () => JSON.parse(readFileSync(fromRoot("docs", "costs.json"), "utf8"));

/** What the users of a month do, each of them; `isolates` is of all. */
export const DEFAULTS = { users: 10_000, requests: 50, refreshes: 4, signIns: 2, reads: 5, writes: 1, isolates: 20 };
/** @typedef {typeof DEFAULTS} Month */

/** What each option is, for the usage and the document. @type {Record<keyof Month, string>} */
export const MEANINGS = {
  users: "users who are active in the month",
  requests: "requests of each of them on a day",
  refreshes: "refreshes of each on a day",
  signIns: "sign-ins of each in the month, of which half end with a sign-out and the others by themselves",
  reads: "reads of session data by each on a day",
  writes: "overwrites of session data by each on a day",
  isolates: "isolates of the Worker that are busy at a time",
};

const DAYS = 30;
/** An isolate polls each shard of the authority, and asks the key ring, about so often (a bound of 60 s, one shard). */
const POLL_SECONDS = 20;
/** Assumed, not measured: CPU of a request to the Worker, and how long an object is awake for a request. */
export const CPU_MILLISECONDS = 2;
export const AWAKE_SECONDS = 0.05;
const GIGABYTES = 0.128;

/** How often each operation happens. @param {Month} month @returns {Record<string, number>} */
export function operations({ users, requests, refreshes, signIns, reads, writes }) {
  const daily = users * DAYS;
  return {
    "login of a new user": users,
    "login of a known user": users * Math.max(0, signIns - 1),
    "API call, within 300s": daily * requests,
    "refresh, object asleep": daily * refreshes,
    "first API call after a refresh": daily * refreshes,
    "read of session data": daily * reads,
    "overwrite of session data": daily * writes,
    "sign-out with data": (users * signIns) / 2,
  };
}

/** What a month comes to, in units and in dollars. @param {Month} month @param {Costs} [costs] */
export function bill(month, { prices, counts } = readCosts()) {
  /** @type {Record<string, number>} */
  const used = Object.fromEntries(Object.keys(prices.units).map((unit) => [unit, 0]));
  for (const [name, times] of Object.entries(operations(month))) {
    const { atOnce, later } = counts[name];
    for (const cost of [atOnce, later]) {
      for (const unit of /** @type {const} */ (["requests", "rowsRead", "rowsWritten", "kvReads", "kvWrites", "kvDeletes"])) used[unit] += times * cost[unit];
      used.rowsWritten += times * cost.alarms;
    }
  }
  const asked = (2 * month.isolates * DAYS * 86_400) / POLL_SECONDS;
  // The key ring and the authority are awake for many requests at a time, all the month at most.
  const awake = used.requests * AWAKE_SECONDS + Math.min(asked * AWAKE_SECONDS, 2 * DAYS * 86_400);
  used.gigabyteSeconds = awake * GIGABYTES;
  used.requests += asked;
  // A request for each of these; a read and an overwrite are part of one.
  used.workerRequests = month.users * (DAYS * (month.requests + month.refreshes) + month.signIns * 1.5);
  used.cpuMilliseconds = used.workerRequests * CPU_MILLISECONDS;
  const lines = Object.entries(prices.units).map(([unit, { name, each_million, included }]) => ({
    unit: name,
    used: used[unit],
    dollars: (Math.max(0, used[unit] - included) / 1e6) * each_million,
  }));
  return { lines, total: prices.plan + lines.reduce((sum, { dollars }) => sum + dollars, 0) };
}

const whole = (/** @type {number} */ value) => Math.round(value).toLocaleString("en");

/** As a table. @param {Month} month */
export function billTable(month) {
  const { lines, total } = bill(month);
  return [
    "| | in the month | $ |",
    "| --- | ---: | ---: |",
    ...lines.map(({ unit, used, dollars }) => `| ${unit} | ${whole(used)} | ${dollars.toFixed(2)} |`),
    `| the plan itself | | ${readCosts().prices.plan.toFixed(2)} |`,
    `| **together** | | **${total.toFixed(2)}** |`,
  ].join("\n");
}

/** Dollars for a million of an operation, without what is included. @param {Costs} costs @param {string} name */
function dollarsEachMillion({ prices: { units }, counts }, name) {
  let dollars = 0;
  for (const cost of [counts[name].atOnce, counts[name].later]) {
    for (const [unit, { each_million }] of Object.entries(units)) dollars += (/** @type {Record<string, number>} */ (/** @type {unknown} */ (cost))[unit] ?? 0) * each_million;
    dollars += cost.alarms * units.rowsWritten.each_million;
  }
  return dollars;
}

/** The counts, as a table: `2 + 3` is two at once and three later, by alarms. */
export function countsTable() {
  const costs = readCosts();
  const members = /** @type {const} */ (["requests", "statements", "rowsRead", "rowsWritten", "alarms", "kvReads", "kvWrites", "kvDeletes"]);
  const rows = Object.entries(costs.counts).map(([name, { atOnce, later }]) => {
    const cells = members.map((member) => `${atOnce[member]}${later[member] ? ` + ${later[member]}` : ""}`);
    return `| ${name} | ${cells.join(" | ")} | ${dollarsEachMillion(costs, name).toFixed(2)} |`;
  });
  return [
    "| operation | requests to objects | statements | rows read | rows written | alarms set | KV reads | KV writes | KV deletes | $ for a million |",
    `| --- |${" ---: |".repeat(members.length + 1)}`,
    ...rows,
  ].join("\n");
}
