// @ts-check
// TOML, JSON and YAML in the documents are what they are said to be: rules, issuers and settings are accepted by the Worker, the rest
// of wrangler.toml by wrangler.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "smol-toml";
import { parse as parseYaml } from "yaml";
import { apiKey } from "../support/harness.mjs";
import { startWorkerd } from "../support/workerd.mjs";
import { quietBlocks, read } from "./support/listed.mjs";

/** @typedef {Record<string, any>} Tables */

/** Members of a rule or of an issuer that documents show by themselves. */
const [OF_RULE, OF_ISSUER] = [["require", "refuse"], ["token_from", "exchange", "exchange_claims"]];
/** The secret that a setting needs beside it. @type {Tables} */
const SECRETS = { EVENTS_WEBHOOK_URL: { EVENTS_WEBHOOK_SECRETS: `whsec_${Buffer.alloc(24, 7).toString("base64")}` } };
const ISSUER = { id: "idp", issuer: "https://idp.example.com", audience: ["api"] };

/** The tables of a block; of one that shows several forms of a member, each form. @param {string} text @returns {Tables[]} */
function tablesOf(text) {
  const lines = text.split("\n");
  const [first = ""] = lines;
  const name = first.match(/^(\w+) = /)?.[1];
  const forms = lines.filter((line) => line.startsWith(`${name} = `));
  return forms.length > 1 && forms.length === lines.length ? forms.map((form) => parse(form)) : [parse(text)];
}

/** @param {Tables} tables */
const hasOne = (tables, /** @type {string[]} */ ...names) => names.some((name) => name in tables);

/** What a block is of: the rules, the issuers, or wrangler.toml. @param {Tables} tables @returns {{gateway?: Tables, issuers?: Tables, wrangler?: Tables}} */
function placed(tables) {
  if (hasOne(tables, ...OF_RULE)) return placed({ rules: [{ path: "/private/**", session: "required", ...tables }] });
  if (hasOne(tables, ...OF_ISSUER)) return placed({ issuers: [{ ...ISSUER, ...tables }] });
  if (hasOne(tables, "rules", "origins", "pages")) return withWhatItNames(tables);
  if (hasOne(tables, "issuers")) return { issuers: tables };
  const isSettings = Object.keys(tables).every((name) => /^[A-Z_]+$/.test(name));
  return { wrangler: isSettings ? { vars: tables } : tables };
}

/** Rules with the origin, the login page and the issuers that they name. @param {Tables} tables */
function withWhatItNames({ origins = {}, rules = [], ...rest }) {
  const named = rules.flatMap((/** @type {Tables} */ rule) => rule.issuers ?? []).filter((/** @type {string} */ id) => id !== "own");
  const issuers = named.map((/** @type {string} */ id) => ({ ...ISSUER, id, issuer: `https://${id}.example.com` }));
  const all = { ...origins, app: origins.app ?? { url: "https://app.example.com" } };
  const gateway = { ...rest, origins: all, rules: [...rules, { path: "/login", session: "none" }].map((rule) => ({ origin: "app", ...rule })) };
  return { gateway, ...(issuers.length > 0 && { issuers: { issuers } }) };
}

/** What the Worker says against settings, rules and issuers; empty when it serves them. @param {Parameters<typeof startWorkerd>[0]} options */
async function faultsOf(options) {
  const workerd = await startWorkerd(options);
  try {
    const { status } = await workerd.fetch("/auth/jwt/jwks.json");
    const isUnwise = workerd.output().includes('"event":"unwise_setting"');
    return status === 500 || isUnwise ? `${status} ${workerd.output()}` : "";
  } finally {
    await workerd.close();
  }
}

/** Tables with further ones; lists become longer. @param {Tables} into @param {Tables} more @returns {Tables} */
function merged(into, more) {
  const both = Object.entries(more).map(([name, value]) => {
    const there = into[name];
    if (Array.isArray(there)) return [name, [...there, ...value]];
    return [name, there && typeof there === "object" ? merged(there, value) : value];
  });
  return { ...into, ...Object.fromEntries(both) };
}

/** What wrangler says against a configuration. @param {Tables} tables */
async function wranglerFaults(tables) {
  const { unstable_readConfig: readConfig } = await import("wrangler");
  const directory = mkdtempSync(join(tmpdir(), "postern-docs-"));
  const config = join(directory, "wrangler.json");
  writeFileSync(config, JSON.stringify(tables));
  /** @type {string[]} */
  const said = [];
  const { warn, error } = console;
  console.warn = console.error = (/** @type {unknown[]} */ ...texts) => said.push(texts.join(" "));
  try {
    for (const env of ["", ...Object.keys(tables.env ?? {})]) readConfig({ config, env: env || undefined });
  } catch (thrown) {
    said.push(String(thrown));
  } finally {
    Object.assign(console, { warn, error });
    rmSync(directory, { recursive: true });
  }
  return said.join("\n");
}

const WRANGLER = parse(read("wrangler.toml"));
delete WRANGLER.build;
// Each entry of docs/providers.md is tried with tokens, in tests/worker/providers.test.mjs.
for (const { where, text } of quietBlocks("toml").filter(({ file }) => file !== "docs/providers.md")) {
  test(where, { timeout: 60_000 }, async () => {
    for (const tables of tablesOf(text)) {
      const { gateway, issuers, wrangler } = placed(tables);
      if (gateway ?? issuers ?? wrangler?.vars) {
        const settings = Object.keys(wrangler?.vars ?? {});
        const vars = Object.assign({ API_KEYS: apiKey }, wrangler?.vars, ...settings.map((name) => SECRETS[name]));
        assert.equal(await faultsOf({ vars, gateway, issuers }), "", JSON.stringify(gateway ?? issuers ?? wrangler));
      }
      if (wrangler) assert.equal(await wranglerFaults(merged(WRANGLER, wrangler)), "");
    }
  });
}

test("a rule, a setting and a table that nobody knows are found", async () => {
  const { gateway } = placed(parse('[[rules]]\npath = "/x"\nsession = "perhaps"\n'));
  assert.match(await faultsOf({ gateway }), /^500 /);
  assert.match(await faultsOf({ vars: { FRESHNESS: "soon" } }), /^500 /);
  assert.match(await wranglerFaults(merged(WRANGLER, { observability: { traces: { enable: true } } })), /enable/);
});

for (const { where, text } of quietBlocks("json")) test(where, () => void JSON.parse(text));
for (const { where, text } of quietBlocks("yaml")) test(where, () => void parseYaml(text));
