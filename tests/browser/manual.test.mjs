// @ts-check
// The manual as a site (`npm run docs:site`): every document is a page, its links lead somewhere, and search finds it.
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
import { after, before, test } from "node:test";
import { fromRoot, projectNode } from "../../scripts/lib/paths.mjs";
import { must } from "../../scripts/lib/process.mjs";
import { launch } from "./support/chromium.mjs";

const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".png": "image/png", ".json": "application/json" };
const site = mkdtempSync(join(tmpdir(), "postern-manual-"));
/** As a server of files does it: `/x` is x.html. */
const server = createServer((request, response) => {
  const path = join(site, normalize(decodeURIComponent(new URL(request.url ?? "/", "http://manual").pathname)));
  const file = [path, `${path}.html`, join(path, "index.html")].find((name) => existsSync(name) && statSync(name).isFile());
  if (!file) return void response.writeHead(404).end();
  response.writeHead(200, { "content-type": TYPES[/** @type {keyof typeof TYPES} */ (extname(file))] ?? "application/octet-stream" }).end(readFileSync(file));
});
let port = 0;
/** @type {Awaited<ReturnType<typeof launch>>} */
let browser;

before(async () => {
  await must(projectNode, [fromRoot("scripts", "site.mjs"), site], { quiet: true, heartbeat: "rendering the manual" });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  port = /** @type {import("node:net").AddressInfo} */ (server.address()).port;
  browser = await launch(port);
});
after(async () => {
  await browser?.close();
  server.close();
  rmSync(site, { recursive: true, force: true });
});

test("every page of the manual opens, without a script that fails and a picture that is missing", { timeout: 120_000 }, async () => {
  const page = await browser.newPage();
  /** @type {string[]} */
  const faults = [];
  page.on("pageerror", (error) => faults.push(`${page.url()}: ${error.message}`));
  page.on("response", (response) => void (response.status() >= 400 && faults.push(`${response.status()} ${response.url()}`)));
  await page.goto(`http://127.0.0.1:${port}/docs/`);
  const links = await page.locator(".VPSidebar a").evaluateAll((found) => found.map((link) => String(Reflect.get(link, "href"))));
  assert.ok(links.length > 25, `${links.length} pages in the menu`);
  for (const link of [`http://127.0.0.1:${port}/`, ...new Set(links)]) {
    await page.goto(link);
    assert.notEqual(await page.locator("main h1").first().textContent({ timeout: 5_000 }), "", link);
  }
  assert.deepEqual(faults, []);
  await page.close();
});

test("search finds a setting", { timeout: 60_000 }, async () => {
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${port}/docs/`);
  await page.getByRole("button", { name: "Search" }).first().click();
  await page.locator("#localsearch-input").fill("REVOCATION_SHARDS");
  await page.locator(".results .result").first().waitFor();
  assert.match((await page.locator(".results").textContent()) ?? "", /Settings/);
  await page.close();
});
