// @ts-check
// A real Chromium: the one that CHROMIUM names, else the npm package's (Linux on x64), else an installed one.
import { existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const INSTALLED = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
];

/** Programs to try, the likeliest first. @returns {Promise<{executablePath: string, env?: Record<string, string>}[]>} */
async function candidates() {
  const named = process.env.CHROMIUM ? [{ executablePath: process.env.CHROMIUM }] : [];
  return [...named, ...(await packaged()), ...INSTALLED.filter((path) => existsSync(path)).map((executablePath) => ({ executablePath }))];
}

/** The browsers of this machine, which are whole ones. @returns {string[]} */
export function installed() {
  return [process.env.CHROMIUM ?? "", ...INSTALLED].filter((path) => path && existsSync(path));
}

/** The npm package's browser, unpacked once beside it. It brings the few libraries that a bare system lacks. */
async function packaged() {
  if (process.platform !== "linux" || process.arch !== "x64") return [];
  const source = join(root, "node_modules", "@sparticuz", "chromium");
  const { version } = JSON.parse(readFileSync(join(source, "package.json"), "utf8"));
  const cache = join(root, "node_modules", ".cache", `chromium-${version}`);
  if (!existsSync(cache)) {
    // Under another name until it is whole: an interrupted run leaves nothing that looks like a browser.
    const unfinished = `${cache}.${process.pid}`;
    mkdirSync(unfinished, { recursive: true });
    const { inflate } = await import("@sparticuz/chromium");
    // The package unpacks into the directory for temporary files.
    const { TMPDIR } = process.env;
    process.env.TMPDIR = unfinished;
    try {
      for (const archive of ["al2023.tar.br", "chromium.br"]) await inflate(join(source, "bin", archive));
    } finally {
      if (TMPDIR === undefined) delete process.env.TMPDIR;
      else process.env.TMPDIR = TMPDIR;
    }
    renameSync(unfinished, cache);
  }
  const executablePath = join(cache, "chromium");
  const libraries = join(cache, "al2023", "lib");
  const libraryPath = [process.env.LD_LIBRARY_PATH, libraries].filter(Boolean).join(":");
  return [{ executablePath, env: { .../** @type {Record<string, string>} */ (process.env), LD_LIBRARY_PATH: libraryPath } }];
}

/** Starts it; every host name leads to `port` on this machine, so that no request can leave it. @param {number} port */
export async function launch(port) {
  const args = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-software-rasterizer",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--ignore-certificate-errors",
    `--host-resolver-rules=MAP * 127.0.0.1:${port}`,
  ];
  for (const candidate of await candidates()) {
    try {
      return await chromium.launch({ ...candidate, args, headless: true, timeout: 30_000 });
    } catch (error) {
      console.error(`${candidate.executablePath} does not start: ${String(error).split("\n")[0]}`);
    }
  }
  throw new Error("no browser starts here: install the package \"chromium\", or set CHROMIUM to a Chromium or Chrome");
}
