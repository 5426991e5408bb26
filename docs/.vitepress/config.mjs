// @ts-check
// The manual as a site with search: `npm run docs:site` writes it to dist/site. Its pages are the documents as they are in the
// repository; files that are no document are named, and not linked, because the site does not have them.
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitepress";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** As GitHub names headings, so that one anchor is good at both places. @param {string} heading */
const slugify = (heading) => heading.toLowerCase().replace(/[^\p{L}\p{N}\p{M}_ -]/gu, "").trim().replaceAll(" ", "-");

/** The tables of docs/README.md are the order of the manual. @returns {{text: string, items: {text: string, link: string}[]}[]} */
function sidebar() {
  const text = readFileSync(join(root, "docs/README.md"), "utf8");
  return [...text.matchAll(/^- \*\*([^*]+)\*\*(.*)$/gm)].map(([, group = "", rest = ""]) => ({
    text: group,
    items: [...rest.matchAll(/\[([^\]]+)\]\(([^)#]+\.md)\)/g)].map(([, label = "", path = ""]) => ({ text: label, link: `/${normalize(join("docs", path)).replace(/(README)?\.md$/, "")}` })),
  }));
}

/** Links of documents to files of the repository that are no page. @param {import("markdown-it").default} markdown */
function namesOtherFiles(markdown) {
  const isPage = (/** @type {string} */ path) => path.endsWith(".md") && existsSync(join(root, path));
  markdown.core.ruler.push("other-files", ({ tokens, env }) => {
    for (const { children } of tokens) {
      for (const [index, token] of (children ?? []).entries()) {
        const href = token.type === "link_open" ? token.attrGet("href") : null;
        if (!href || /^([a-z]+:|#)/.test(href)) continue;
        const path = normalize(join(dirname(env.relativePath), decodeURIComponent(href.split("#")[0] ?? "")));
        if (isPage(path) || relative(root, join(root, path)).startsWith("..")) continue;
        const end = children?.slice(index).find(({ type, level }) => type === "link_close" && level === token.level);
        for (const part of [token, end]) if (part) Object.assign(part, { tag: "span", attrs: null });
      }
    }
  });
}

export default defineConfig({
  title: "Postern",
  description: "Sessions at the edge: verified, refreshed, revoked, and kept in front of your servers",
  srcDir: "..",
  srcExclude: ["**/node_modules/**", "target/**", "build/**", "dist/**", "fuzz/**", "tests/**", "crates/**", "packages/**", "scripts/**", "template/**"],
  outDir: "../dist/site",
  cacheDir: "../build/vitepress",
  cleanUrls: true,
  rewrites: { "README.md": "index.md", ":path(.+)/README.md": ":path/index.md" },
  markdown: { anchor: { slugify }, toc: { slugify }, headers: { slugify }, config: namesOtherFiles },
  vite: { publicDir: false },
  themeConfig: {
    search: { provider: "local" },
    outline: [2, 3],
    nav: [{ text: "Manual", link: "/docs/" }],
    sidebar: sidebar(),
  },
});
