// @ts-check
// What operations cost in rows and alarms, counted on workerd. The counts do not depend on the machine: docs/costs.md has them all.
import { countCosts } from "../../tests/support/costs.mjs";

/** Rows written and alarms set, at once, of the operations that users do most. @type {Record<string, string>} */
const VALUES = {
  rows_refresh_asleep: "refresh, object asleep",
  rows_login_known_user: "login of a known user",
  rows_overwrite: "overwrite of session data",
  rows_sign_out_with_data: "sign-out with data",
};

/** @returns {Promise<Record<string, number>>} */
export async function costs() {
  const counted = await countCosts();
  return Object.fromEntries(Object.entries(VALUES).map(([value, name]) => [value, counted[name].atOnce.rowsWritten + counted[name].atOnce.alarms]));
}

/** What they are, and what they should be at most. @type {Record<string, {target: number, what: string}>} */
export const COST_VALUES = {
  rows_refresh_asleep: { target: 1, what: "rows written and alarms set: refresh, the user's object asleep" },
  rows_login_known_user: { target: 1, what: "the same: login of a known user" },
  rows_overwrite: { target: 5, what: "the same: overwrite of session data" },
  rows_sign_out_with_data: { target: 8, what: "the same: sign-out of a session with data, in the user's object and the authority" },
};
