// Every relative link of the documents leads to a file, and every anchor to a heading.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { test } from "node:test";
import { fromRoot } from "../../scripts/lib/paths.mjs";
import { documents, read } from "./support/listed.mjs";

const withoutCode = (/** @type {string} */ text) => text.replace(/^ *```[\s\S]*?^ *```$/gm, "");
const textOf = (/** @type {string} */ file) => withoutCode(read(file));

/** As GitHub names them. @param {string} file @returns {Set<string>} */
function anchorsOf(file) {
  const seen = new Map();
  const anchors = new Set([...textOf(file).matchAll(/<a id="([^"]+)">/g)].map(([, id = ""]) => id));
  for (const [, heading = ""] of textOf(file).matchAll(/^#{1,6} +(.+)$/gm)) {
    const plain = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase();
    const anchor = plain.replace(/[^\p{L}\p{N}\p{M}_ -]/gu, "").trim().replaceAll(" ", "-");
    const count = seen.get(anchor) ?? 0;
    seen.set(anchor, count + 1);
    anchors.add(count === 0 ? anchor : `${anchor}-${count}`);
  }
  return anchors;
}

test("links and anchors of documents lead somewhere", () => {
  assert.ok(documents.length > 20);
  const dead = [];
  for (const file of documents) {
    const text = textOf(file).replace(/`[^`]*`/g, "");
    const links = [...text.matchAll(/\]\(([^)\s]+)\)/g), ...text.matchAll(/(?:src|srcset)="([^"]+)"/g)].map(([, link = ""]) => link);
    for (const link of links.filter((link) => !/^[a-z]+:/.test(link))) {
      const [path = "", anchor] = link.split("#");
      // That one is read at the top of the package.
      const from = file === "packages/worker/README.md" ? "." : dirname(file);
      const target = path === "" ? file : normalize(join(from, decodeURIComponent(path)));
      if (!existsSync(fromRoot(target))) dead.push(`${file}: ${link}`);
      else if (anchor && target.endsWith(".md") && !anchorsOf(target).has(anchor)) dead.push(`${file}: ${link} (no such heading)`);
    }
  }
  assert.deepEqual(dead, []);
});

test("every document of the manual is linked from another one", () => {
  const others = (/** @type {string} */ file) => documents.filter((other) => other !== file).map(textOf).join("\n");
  const unreachable = documents.filter((file) => file.startsWith("docs/") && !others(file).includes(file.split("/").at(-1) ?? file));
  assert.deepEqual(unreachable, []);
});

test("files that documents name are there", () => {
  const NAMED = /`((?:bench|client|console|crates|docs|examples|fuzz|packages|scripts|src|tests)\/[\w./-]+)`/g;
  const gone = [];
  // What a release of the past was made of is history.
  for (const file of documents.filter((file) => !file.endsWith("CHANGELOG.md"))) {
    for (const [, path = ""] of textOf(file).matchAll(NAMED)) {
      // A word in capitals stands for a name.
      if (/\/[A-Z]+(?:\/|$)/.test(path)) continue;
      const below = [path, join(dirname(file), path)];
      if (!below.some((path) => existsSync(fromRoot(path)))) gone.push(`${file}: ${path}`);
    }
  }
  assert.deepEqual(gone, []);
});
