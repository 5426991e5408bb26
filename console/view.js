// @ts-check
// What the console's page is made of: elements, tables, times. Text is always set as text, so that nothing that a user chose is markup.

export { deviceName } from "./device.js";

/** @typedef {string | number | Node | null | undefined | false} Child */

/**
 * An element with attributes (`class`, `data-…`, `onclick` and the like as they are) and children.
 * @param {string} tag @param {Record<string, any>} [attributes] @param {Child[]} children @returns {HTMLElement}
 */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false).map((child) => (typeof child === "number" ? String(child) : /** @type {Node | string} */ (child))));
  return element;
}

/** @param {string} title @param {Child[]} children */
export const card = (title, ...children) => el("section", { class: "card" }, el("h2", {}, title), ...children);

/** @param {string} label @param {(event: Event) => unknown} act @param {string} [kind] */
export const button = (label, act, kind) => el("button", { type: "button", class: kind, onclick: act }, label);

/** A field with its label. @param {string} id @param {string} label @param {Record<string, any>} [attributes] @param {string} [note] */
export function field(id, label, { tag = "input", ...attributes } = {}, note) {
  const described = note === undefined ? {} : { "aria-describedby": `${id}-note` };
  return el("div", { class: attributes.size && "short" }, el("label", { for: id }, label), el(tag, { id, name: id, ...described, ...attributes }), note !== undefined && el("p", { class: "note", id: `${id}-note` }, note));
}

/** The value of a field. @param {string} id */
export const valueOf = (id) => /** @type {HTMLInputElement} */ (document.getElementById(id)).value.trim();

/**
 * A table whose rows become cards where the screen is narrow.
 * @param {string} caption @param {string[]} columns an empty name is for actions @param {Child[][]} rows
 */
export function table(caption, columns, rows) {
  const cell = (/** @type {Child} */ child, /** @type {number} */ at) => el("td", columns[at] ? { "data-name": columns[at] } : { class: "end" }, child);
  const heads = columns.map((name) => (name ? el("th", { scope: "col" }, name) : el("td", {})));
  return el(
    "div", { class: "scroll", role: "region", "aria-label": caption, tabindex: "0" },
    el("table", { class: "rows" }, el("caption", {}, caption), el("thead", {}, el("tr", {}, ...heads)), el("tbody", {}, ...rows.map((row) => el("tr", {}, ...row.map(cell))))),
  );
}

/** Names with their values. @param {[string, Child][]} pairs */
export const facts = (pairs) => el("dl", { class: "facts" }, ...pairs.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));

const times = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
/** @type {[Intl.RelativeTimeFormatUnit, number][]} */
const UNITS = [["day", 86_400_000], ["hour", 3_600_000], ["minute", 60_000], ["second", 1_000]];

/** "3 hours ago", or "in 2 days". @param {number} milliseconds of the difference to now */
export function span(milliseconds) {
  const [unit, length] = UNITS.find(([, length]) => Math.abs(milliseconds) >= length) ?? UNITS[3];
  return relative.format(Math.round(milliseconds / length), unit);
}

/** A time, and how far away it is. @param {number | undefined} time @returns {Child} */
export function when(time) {
  if (time === undefined) return "never";
  return el("span", {}, el("time", { datetime: new Date(time).toISOString() }, times.format(time)), el("span", { class: "note" }, ` ${span(time - Date.now())}`));
}

/** A length of time. @param {number} milliseconds */
export function length(milliseconds) {
  const [unit, size] = UNITS.find(([, size]) => milliseconds >= size) ?? UNITS[3];
  const count = Math.round((milliseconds / size) * 10) / 10;
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}

/** A name that only machines read. @param {string} text */
export const code = (text) => el("span", { class: "code" }, text);
