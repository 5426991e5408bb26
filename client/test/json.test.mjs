import assert from "node:assert/strict";
import { test } from "node:test";
import { runInNewContext } from "node:vm";

import { jsonObject } from "../src/json.js";

const check = (value) => jsonObject("updateSessionData", "sessionData", value);

test("every JSON object comes back as a plain copy of the same JSON", () => {
  const shared = { twice: true };
  const values = [
    {},
    Object.create(null),
    runInNewContext("({of: ['another', 'realm']})"),
    { nested: { list: [1, -0.5, 1e21, null, true, "", "𝄞 \u0000 ü"], empty: {}, none: [] } },
    { left: shared, right: shared },
    JSON.parse('{"__proto__": {"constructor": 1}, "toString": 2, "": 3}'),
    { dropped: undefined, kept: 1 },
  ];
  for (const value of values) {
    const copy = check(value);
    assert.equal(JSON.stringify(copy), JSON.stringify(value));
    assert.equal(Object.getPrototypeOf(copy), Object.prototype);
    assert.deepEqual(copy, JSON.parse(JSON.stringify(value)));
  }
});

test("what is not an object is refused by name", () => {
  for (const value of [undefined, null, [], "text", 1, true, () => {}]) {
    assert.throws(() => check(value), new TypeError('updateSessionData: "sessionData" must be a JSON object'));
  }
});

test("what JSON would silently change is refused with its path", () => {
  class Cart {}
  const cycle = { list: [] };
  cycle.list.push(cycle);
  const cases = [
    [{ a: { b: [0, new Date(0)] } }, "sessionData.a.b[1]", "a Date"],
    [{ m: new Map() }, "sessionData.m", "a Map"],
    [{ "odd key": new Uint8Array(1) }, 'sessionData["odd key"]', "a Uint8Array"],
    [{ n: NaN }, "sessionData.n", "NaN"],
    [{ n: -Infinity }, "sessionData.n", "-Infinity"],
    [{ n: 1n }, "sessionData.n", "bigint"],
    [{ f() {} }, "sessionData.f", "function"],
    [{ s: Symbol("s") }, "sessionData.s", "symbol"],
    [{ s: "\ud800" }, "sessionData.s", "a string with a lone surrogate"],
    [{ "\udc00": 1 }, "sessionData", "a member's name has a lone surrogate"],
    [{ l: [undefined] }, "sessionData.l[0]", "undefined"],
    [{ l: Array(1) }, "sessionData.l[0]", "undefined"],
    [{ c: new Cart() }, "sessionData.c", "an instance of a class"],
    [{ c: new Number(1) }, "sessionData.c", "a Number"],
    [new Map(), "sessionData", "a Map"],
    [cycle, "sessionData.list[0]", "a cycle"],
  ];
  for (const [value, path, what] of cases) {
    assert.throws(() => check(value), new TypeError(`updateSessionData: "${path}" is not JSON: ${what}`));
  }
});
