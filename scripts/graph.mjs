// @ts-check
// Part of `npm run lint`: which module uses which, from the `use` lines and paths of product code, and that no circle is
// among them. A module is a file or a folder beside its siblings; parents and children are one in this respect. In the
// Worker also that a room calls only rooms below it.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fromRoot } from "./lib/paths.mjs";

/** Each crate, and its rooms from the top down where their order is fixed; rooms of one line do not use each other. */
const CRATES = [
  { root: "crates/jwt/src" },
  { root: "crates/core/src" },
  { root: "src", rooms: [["http", "rpc"], ["gateway"], ["sessions"], ["auth"], ["objects"], ["runtime"]] },
];

/** @typedef {{module: string[], text: string}} Source */

/** The product's source files of a crate. @param {string} root @returns {Source[]} */
function sources(root) {
  const found = [];
  for (const entry of readdirSync(fromRoot(root), { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name).slice(fromRoot(root).length + 1).replaceAll("\\", "/");
    if (!path.endsWith(".rs") || /(^|\/)(tests|testing)(\/|\.rs$)/.test(path)) continue;
    const module = path.slice(0, -3).split("/");
    if (["mod", "lib"].includes(module[module.length - 1] ?? "")) module.pop();
    found.push({ module, text: product(readFileSync(fromRoot(root, path), "utf8")) });
  }
  return found;
}

/** Source without comments, texts and inline tests. @param {string} text */
function product(text) {
  const code = text.replace(/\/\/[^\n]*|"(?:\\.|[^"\\])*"/g, (found) => (found.startsWith("//") ? "" : '""'));
  const tests = code.search(/#\[cfg\(test\)\]\s*(?:#\[[^\]]*\]\s*)*mod \w+ \{/);
  return tests < 0 ? code : code.slice(0, tests);
}

/** Every path that a text names by `crate`, `super` or a child of the module. @param {Source} source @param {Set<string>} modules */
function* paths({ module, text }, modules) {
  for (const [, tree] of text.matchAll(/\buse\s+([^;]+);/g)) yield* absolute(leaves(tree ?? ""), module, modules);
  const inline = text.replace(/\buse\s+[^;]+;/g, "");
  for (const [path] of inline.matchAll(/(?<![\w:])(?:crate|super)(?:::\w+)+/g)) yield* absolute([path.split("::")], module, modules);
}

/** The paths of a use tree. @param {string} tree @returns {string[][]} */
function leaves(tree) {
  const [, head, inner] = tree.match(/^([^{]*?)(?:::)?\{([\s\S]*)\}\s*$/) ?? [];
  if (inner === undefined) return [tree.replace(/\s+as\s+\w+/, "").trim().split("::").map((part) => part.trim())];
  const before = (head ?? "").split("::").map((part) => part.trim()).filter(Boolean);
  const parts = [""];
  let depth = 0;
  for (const letter of inner) {
    depth += letter === "{" ? 1 : letter === "}" ? -1 : 0;
    if (letter === "," && depth === 0) parts.push("");
    else parts[parts.length - 1] += letter;
  }
  return parts.filter((part) => part.trim()).flatMap((part) => leaves(part.trim()).map((path) => [...before, ...path]));
}

/** @param {string[][]} paths @param {string[]} module @param {Set<string>} modules @returns {string[][]} */
function absolute(paths, module, modules) {
  return paths.flatMap((path) => {
    if (path[0] === "crate") return [path.slice(1)];
    if (path[0] === "self") return [[...module, ...path.slice(1)]];
    if (path[0] === "super") {
      const ups = path.findIndex((part) => part !== "super");
      const count = ups < 0 ? path.length : ups;
      return [[...module.slice(0, module.length - count), ...path.slice(count)]];
    }
    return modules.has([...module, path[0]].join("::")) ? [[...module, ...path]] : [];
  });
}

/** Which sibling uses which, for each parent. @param {Source[]} files @returns {Map<string, Map<string, Set<string>>>} */
function graph(files) {
  const modules = new Set(files.flatMap(({ module }) => module.map((_, at) => module.slice(0, at + 1).join("::"))));
  /** @type {Map<string, Map<string, Set<string>>>} */
  const edges = new Map();
  for (const source of files) {
    for (const path of paths(source, modules)) {
      const used = longest(path, modules);
      let shared = 0;
      while (shared < used.length && shared < source.module.length && used[shared] === source.module[shared]) shared += 1;
      // A parent and what is below it are one.
      if (shared === used.length || shared === source.module.length) continue;
      const parent = source.module.slice(0, shared).join("::");
      const siblings = edges.get(parent) ?? new Map();
      edges.set(parent, siblings);
      const from = source.module[shared] ?? "";
      siblings.set(from, (siblings.get(from) ?? new Set()).add(used[shared]));
    }
  }
  return edges;
}

/** The module that a path begins with. @param {string[]} path @param {Set<string>} modules */
function longest(path, modules) {
  let length = 0;
  while (length < path.length && modules.has(path.slice(0, length + 1).join("::"))) length += 1;
  return path.slice(0, length);
}

/** Strongly connected modules (Tarjan), each sorted by name. @param {Map<string, Set<string>>} edges @returns {string[][]} */
export function circles(edges) {
  /** @type {Map<string, {index: number, low: number}>} */
  const seen = new Map();
  /** @type {string[]} */
  const stack = [];
  /** @type {string[][]} */
  const found = [];
  const visit = (/** @type {string} */ name) => {
    const state = { index: seen.size, low: seen.size };
    seen.set(name, state);
    stack.push(name);
    for (const next of [...(edges.get(name) ?? [])].sort()) {
      if (!seen.has(next)) visit(next);
      const other = seen.get(next);
      if (other && stack.includes(next)) state.low = Math.min(state.low, other.low);
    }
    if (state.low !== state.index) return;
    const circle = stack.splice(stack.indexOf(name));
    if (circle.length > 1) found.push(circle.sort());
  };
  for (const name of [...edges.keys()].sort()) if (!seen.has(name)) visit(name);
  return found;
}

const faults = [];
for (const { root, rooms } of CRATES) {
  const edges = graph(sources(root));
  for (const [parent, siblings] of [...edges].sort()) {
    for (const circle of circles(siblings)) {
      faults.push(`circle in ${root}: ${circle.map((module) => [parent, module].filter(Boolean).join("::")).join(", ")}`);
    }
  }
  const top = edges.get("") ?? new Map();
  const level = (/** @type {string} */ room) => (rooms ?? []).findIndex((line) => line.includes(room));
  for (const [from, uses] of top) {
    for (const to of uses) {
      if (rooms && level(from) >= 0 && level(to) >= 0 && level(to) <= level(from)) faults.push(`${root}: ${from} uses ${to}, which is not below it`);
    }
  }
}
for (const fault of faults.sort()) process.stderr.write(`error: ${fault}\n`);
if (faults.length > 0) process.exit(1);
