// Payload and data must come back equal. JSON.stringify would silently turn a Date into text, a Map into {} and NaN
// into null, so what is not JSON is refused before it is sent, by both transports alike. A member that is `undefined`
// is left out, as JSON.stringify does.

/** Throws a TypeError that names the path of the first thing in `value` that JSON cannot hold. */
export function requireJsonObject(method, name, value) {
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    throw new TypeError(`${method}: "${name}" must be a JSON object`);
  }
  requireJson(method, name, value, new Set());
}

function requireJson(method, path, value, ancestors) {
  const refuse = (what) => {
    throw new TypeError(`${method}: "${path}" is not JSON: ${what}`);
  };
  if (typeof value === "string" && !value.isWellFormed()) refuse("a string with a lone surrogate");
  if (typeof value === "number" && !Number.isFinite(value)) refuse(String(value));
  if (value === null || ["string", "number", "boolean"].includes(typeof value)) return;
  if (typeof value !== "object") refuse(typeof value);
  if (ancestors.has(value)) refuse("a cycle");
  ancestors.add(value);
  if (Array.isArray(value)) {
    // By index: a hole reads as undefined, which no array in JSON has.
    for (let i = 0; i < value.length; i += 1) requireJson(method, `${path}[${i}]`, value[i], ancestors);
  } else {
    if (!isPlainObject(value)) refuse(kindOf(value));
    for (const [key, member] of Object.entries(value)) {
      if (!key.isWellFormed()) refuse("a member's name has a lone surrogate");
      if (member !== undefined) requireJson(method, `${path}${step(key)}`, member, ancestors);
    }
  }
  ancestors.delete(value);
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
