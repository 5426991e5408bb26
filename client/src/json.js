// Payload and data must come back equal. JSON.stringify would silently turn a Date into text, a Map into {} and NaN
// into null, so what is not JSON is refused before it is sent, by both transports alike. A member that is `undefined`
// is left out, as JSON.stringify does.

/**
 * Returns a plain copy of a JSON object (a service binding refuses objects without a prototype), or throws a TypeError
 * that names the path of the first thing in it that JSON cannot hold.
 */
export function jsonObject(method, name, value) {
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    throw new TypeError(`${method}: "${name}" must be a JSON object`);
  }
  return jsonValue(method, name, value, new Set());
}

function jsonValue(method, path, value, ancestors) {
  const refuse = (what) => {
    throw new TypeError(`${method}: "${path}" is not JSON: ${what}`);
  };
  if (typeof value === "string" && !value.isWellFormed()) refuse("a string with a lone surrogate");
  if (typeof value === "number" && !Number.isFinite(value)) refuse(String(value));
  if (value === null || ["string", "number", "boolean"].includes(typeof value)) return value;
  if (typeof value !== "object") refuse(typeof value);
  if (ancestors.has(value)) refuse("a cycle");
  if (!Array.isArray(value) && !isPlainObject(value)) refuse(kindOf(value));

  ancestors.add(value);
  let copy;
  if (Array.isArray(value)) {
    // `from` turns a hole into undefined, which no array in JSON has.
    copy = Array.from(value, (item, i) => jsonValue(method, `${path}[${i}]`, item, ancestors));
  } else {
    const members = Object.entries(value).filter(([, member]) => member !== undefined);
    copy = Object.fromEntries(
      members.map(([key, member]) => {
        if (!key.isWellFormed()) refuse("a member's name has a lone surrogate");
        return [key, jsonValue(method, `${path}${step(key)}`, member, ancestors)];
      }),
    );
  }
  ancestors.delete(value);
  return copy;
}

/** True for `{…}` and `Object.create(null)`, of any realm; false for instances of classes. */
function isPlainObject(value) {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function kindOf(value) {
  const tag = Object.prototype.toString.call(value).slice("[object ".length, -1);
  return tag === "Object" ? "an instance of a class" : `a ${tag}`;
}

function step(key) {
  return /^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}
