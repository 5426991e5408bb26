// @ts-check
// Takes out of wasm-bindgen's glue what nothing can reach: classes of libraries that export them to every Worker, and
// functions for imports that the optimised Wasm no longer has. Knows the layout that the pinned wasm-bindgen writes.
import { StepFailed } from "./process.mjs";

/**
 * Without the classes that nobody imports; and the Wasm exports that what is left can call.
 * @param {string} glue @param {string[]} wanted names that the Worker's entry imports from the glue
 * @returns {{glue: string, exports: Set<string>}}
 */
export function withoutUnusedClasses(glue, wanted) {
  const class_ = /^(?:\/\*\*\n(?: \*.*\n)* \*\/\n)?(?:export )?class (\w+) \{\n[^]*?^\}\nif \(Symbol\.dispose\) .*\n/gm;
  const unused = [...glue.matchAll(class_)].map(([, name]) => name).filter((name) => !wanted.includes(name));
  let left = glue.replace(class_, (text, name) => (unused.includes(name) ? "" : text));
  for (const name of unused) {
    left = left.replace(new RegExp(`^const ${name}Finalization = [^]*?^\\}\\);\\n`, "m"), "");
    if (new RegExp(`\\b${name}(Finalization)?\\b`).test(left)) throw new StepFailed(`the glue of wasm-bindgen still mentions ${name}`);
  }
  for (const name of wanted) {
    if (!new RegExp(`^export (function|class) ${name}\\b`, "m").test(left)) throw new StepFailed(`the Wasm build does not export ${name}`);
  }
  return { glue: left, exports: new Set([...left.matchAll(/\bwasm\.(\w+)/g)].map(([, name]) => name)) };
}

/**
 * Without the functions that the Wasm does not import.
 * @param {string} glue @param {Set<string>} imports
 */
export function withoutUnusedImports(glue, imports) {
  const start = glue.indexOf("    const import0 = {\n");
  const end = glue.indexOf("\n    };\n", start);
  if (start < 0 || end < 0) throw new StepFailed("the glue of wasm-bindgen has no table of imports");
  // One function at eight spaces; its body is indented deeper.
  const property = /^ {8}(\w+): function\(.*\n(?: {9,}.*\n| {8}\},\n)*/gm;
  const table = glue.slice(start, end + 1);
  const left = table.replace(property, (text, name) => (imports.has(name) ? text : ""));
  for (const name of imports) {
    if (!left.includes(`        ${name}: `)) throw new StepFailed(`the glue of wasm-bindgen does not define ${name}`);
  }
  return glue.slice(0, start) + left + glue.slice(end + 1);
}
