// @ts-check
// Values that JSON cannot carry, on their way to and from a caller Worker: by name, in place of themselves.

/** What is no JSON, or hard to tell from it: a name, and how to make it. @type {Record<string, () => unknown>} */
const MAKERS = {
  undefined: () => undefined,
  "-0": () => -0,
  NaN: () => NaN,
  Infinity: () => Infinity,
  BigInt: () => 1n,
  Date: () => new Date(0),
  Map: () => new Map([["a", 1]]),
  Set: () => new Set([1]),
  RegExp: () => /a/,
  Error: () => new Error("an error"),
  "boxed string": () => Object("text"),
  "typed array": () => new Uint8Array([1]),
  "array buffer": () => new ArrayBuffer(1),
  function: () => () => 1,
  "lone surrogate": () => "\ud800",
  "lone surrogate in a name": () => ({ "\udc00": 1 }),
  cycle: () => {
    /** @type {Record<string, unknown>} */
    const value = {};
    value.self = value;
    return value;
  },
  "cyclic array": () => {
    /** @type {unknown[]} */
    const value = [];
    value.push(value);
    return value;
  },
  "array with undefined": () => [undefined],
  "array with a hole": () => Object.assign([], { 1: 1 }),
  "vast sparse array": () => Object.assign([], { length: 4_000_000_000 }),
  "deep array": () => {
    /** @type {unknown[]} */
    let value = [];
    for (let depth = 0; depth < 300; depth += 1) value = [value];
    return value;
  },
  // One part many times over: a few hundred bytes on the way, and more text than there are atoms.
  "shared parts": () => {
    /** @type {unknown[]} */
    let value = ["text"];
    for (let depth = 0; depth < 60; depth += 1) value = Array(10).fill(value);
    return { value };
  },
  "shared parts that leave no text": () => {
    const names = Array.from({ length: 5_000 }, (_, index) => [`n${index}`, undefined]);
    return { value: Array(5_000).fill(Object.fromEntries(names)) };
  },
  "huge name": () => ({ ["n".repeat(4_200_000)]: () => 1 }),
  "huge string": () => "x".repeat(5_000_000),
  "huge string beyond Latin-1": () => "馬".repeat(2_000_000),
  "list of large strings": () => Array(1_000).fill("x".repeat(5_000)),
  Proxy: () => new Proxy({}, {}),
  symbol: () => Symbol("a"),
  thenable: () => ({ then: () => 1 }),
  "thenable that never settles": () => ({ then() {} }),
  "object with a getter that throws": () => ({
    get handle() {
      throw new Error("a getter");
    },
  }),
  "object without a prototype": () => Object.create(null),
  "object with an own __proto__": () => JSON.parse('{"__proto__":{"handle":"text"}}'),
  promise: () => Promise.resolve("text"),
  request: () => new Request("https://example.com"),
  headers: () => new Headers({ a: "b" }),
  stream: () => new Blob(["text"]).stream(),
};

/** Every name that {@link named} knows. */
export const names = Object.keys(MAKERS);

/** Stands for the value of that name until {@link parse}. @param {string} name */
export const named = (name) => ({ $named: name });

/** JSON text of a value that may hold `-0` and {@link named} ones. @param {unknown} value */
export const text = (value) => JSON.stringify(value, (_, member) => (Object.is(member, -0) ? named("-0") : member));

/** Reads what {@link text} wrote. @param {string} text */
export function parse(text) {
  return revived(JSON.parse(text));
}

/** @param {any} value @returns {any} */
function revived(value) {
  if (Array.isArray(value)) return value.map(revived);
  if (value === null || typeof value !== "object") return value;
  if (Object.hasOwn(value, "$named")) return MAKERS[value.$named]?.();
  const entries = Object.entries(value).map(([name, member]) => [name, revived(member)]);
  return Object.fromEntries(entries);
}
