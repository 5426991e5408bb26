// @ts-check
// A website whose sessions are bound to the device, and a real Chromium with software keys, over https. The npm package's browser
// cannot bind sessions: an installed one can. Every test gets a profile of its own, as what is bound outlives cookies.
import assert from "node:assert/strict";
import { X509Certificate, createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach } from "node:test";
import { chromium } from "playwright-core";
import { until } from "../../support/until.mjs";
import { installed } from "./chromium.mjs";
import { HOST, startGatewaySite } from "./gateway-site.mjs";

const executablePath = installed()[0];
/** Why the tests are skipped, if they are. */
export const skip = executablePath === undefined && "no Chromium is installed: install the package \"chromium\", or set CHROMIUM";
const FEATURES = "DeviceBoundSessions:RequireOriginTrialTokens/false/RefreshQuota/false,EnableBoundSessionCredentialsSoftwareKeysForManualTesting";
export const url = (/** @type {string} */ path) => `https://${HOST}${path}`;

/** @typedef {import("playwright-core").Page} Page */
/** @typedef {import("playwright-core").BrowserContext} Profile */

/** For a file of tests. @param {Record<string, unknown>} [vars] @param {object[]} [rules] before that for every other path */
export function boundBrowser(vars = {}, rules = []) {
  /** @type {Awaited<ReturnType<typeof startGatewaySite>>} */
  let site;
  let directory = "";
  /** @type {string[]} */
  let args = [];
  /** @type {Profile} */
  let profile;
  let profiles = 0;
  /** A browser with a profile of its own. @returns {Promise<Profile>} */
  const another = () => chromium.launchPersistentContext(join(directory, `${(profiles += 1)}`), { executablePath, headless: true, args });
  before(async () => {
    if (skip) return;
    directory = mkdtempSync(join(tmpdir(), "postern-browser-"));
    const start = async (/** @type {number} */ port, /** @type {{cert: string}} */ { cert }) => {
      const key = new X509Certificate(cert).publicKey.export({ type: "spki", format: "der" });
      const trusted = createHash("sha256").update(key).digest("base64");
      args = ["--no-sandbox", "--disable-gpu", `--host-resolver-rules=MAP * 127.0.0.1:${port}`, `--ignore-certificate-errors-spki-list=${trusted}`, `--enable-features=${FEATURES}`];
      return { close: () => profile?.close() };
    };
    site = await startGatewaySite({ DEVICE_BINDING: "offer", ...vars }, [
      { path: "/api/**", origin: "app", session: "required" },
      ...rules,
      { path: "/**", origin: "app", session: "none" },
    ], start);
  });
  beforeEach(async () => {
    if (skip) return;
    await profile?.close();
    site.faults.clear();
    profile = await another();
  });
  after(async () => {
    await site?.close();
    if (directory) rmSync(directory, { recursive: true, force: true });
  });

  const cookies = async (of = profile) => Object.fromEntries((await of.cookies(url("/"))).map(({ name, value }) => [name, value]));
  /** The name of the cookie that shows the device. */
  const bound = async (of = profile) => Object.keys(await cookies(of)).find((name) => name.startsWith("__Host-sDevice-"));
  return {
    another,
    cookies,
    bound,
    site: () => site,
    profile: () => profile,
    /** A page with a session that is bound and has shown it, and the name of the cookie that does. @param {Profile} [of] */
    async signedIn(of = profile) {
      const tab = await of.newPage();
      await tab.goto(url("/plain"));
      assert.equal(await call(tab, "/login", "POST"), 200);
      const name = await until("the browser has registered its key", () => bound(of), 20_000);
      // From the first request on that shows the cookie it is known that the browser has it.
      assert.equal(await call(tab, "/api/who", "GET"), 200);
      return { tab, name: String(name) };
    },
  };
}

/** A request of the page, as the SDK's are marked: its status. @param {Page} tab @param {string} path @param {string} method @param {string} [body] */
export const call = (tab, path, method, body) =>
  tab.evaluate(([path, method, body]) => fetch(String(path), { method, body, headers: { "st-auth-mode": "cookie", rid: "session" } }).then(({ status }) => status), [path, method, body]);
