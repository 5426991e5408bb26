// The strictness table before the real Worker: what must be refused is, what is good is accepted, and the document says so.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";

import { documentOf, madeKinds, peers, verdictsIn, versionOf } from "../strictness/document.mjs";
import { measureMade, startTable, table } from "../strictness/run.mjs";

const document = readFileSync(new URL("../../docs/strictness.md", import.meta.url), "utf8");
/** What Postern says, by group and title. */
const said = new Map();
/** The same of what is made when it is shown. */
let made;
let tested;

before(async () => {
  tested = await startTable();
  for (const { name } of table.keySets) {
    const rows = table.rows.filter(({ set }) => set === name);
    const statuses = await tested.postern(name, rows.map(({ token }) => token));
    for (const [at, { group, title }] of rows.entries()) said.set(`${group}: ${title}`, statuses[at]);
  }
});
after(() => tested?.close());

test("every good token is accepted, and every other one is refused", () => {
  const otherwise = table.rows.filter((row) => (said.get(`${row.group}: ${row.title}`) === "OK") !== !row.code);
  assert.deepEqual(otherwise.map(({ group, title }) => `${group}: ${title}`), []);
});

test("a refusal is one of the documented ones; only keys that cannot be used are an outage", () => {
  for (const row of table.rows.filter(({ code }) => code)) {
    const status = said.get(`${row.group}: ${row.title}`);
    const allowed = row.group === "Keys and key sets" ? /^(UNAUTHORISED|TRY_REFRESH_TOKEN|GENERAL_ERROR)$/ : /^(UNAUTHORISED|TRY_REFRESH_TOKEN)$/;
    assert.match(status, allowed, `${row.group}: ${row.title}`);
  }
});

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/** The character that differs in the lowest bit: at the end of a part, the bit that a lenient decoder drops. @param {string} character */
const other = (character) => ALPHABET[ALPHABET.indexOf(character) ^ 1] ?? "A";

for (const { set, title, token } of table.rows.filter(({ group, title }) => group === "Good tokens" && /^([RPEH]S\d+|EdDSA)$/.test(title))) {
  test(`${title}: a token with one character changed is refused, whichever it is`, async () => {
    const changed = [...token].map((character, at) => token.slice(0, at) + other(character) + token.slice(at + 1));
    const statuses = await tested.postern(set, [token, ...changed]);
    assert.equal(statuses[0], "OK");
    const accepted = statuses.slice(1).flatMap((status, at) => (/^(UNAUTHORISED|TRY_REFRESH_TOKEN)$/.test(status) ? [] : [`${at}: ${status}`]));
    assert.deepEqual(accepted, []);
  });
}

test("every good proof and logout signal is accepted, and every other one is refused", async () => {
  made = await measureMade();
  const otherwise = Object.values(made).flat().filter(({ row, postern }) => postern !== !row.code);
  assert.deepEqual(otherwise.map(({ row }) => row.title), []);
  const attacks = (kind) => made[kind].filter(({ row }) => row.code).length;
  assert.ok(attacks("proofs") >= 60 && attacks("signals") >= 30);
});

test("docs/strictness.md says what Postern did, of every row", () => {
  const measured = new Map([...said].map(([name, status]) => [name, status === "OK"]));
  for (const [kind, results] of Object.entries(made)) for (const { row, postern } of results) measured.set(`${madeKinds[kind].title}: ${row.title}`, postern);
  assert.deepEqual(verdictsIn(document), measured);
});

test("docs/strictness.md is of the versions that are installed, and leaves no difference unexplained", () => {
  for (const peer of [...Object.values(peers), ...Object.values(madeKinds)]) assert.ok(document.includes(`${peer.package} ${versionOf(peer.package)}`), peer.package);
  assert.ok(!document.includes("Not explained"));
});

test("the table is as large as it claims, and its tokens are good for years", () => {
  assert.ok(table.rows.filter(({ code }) => code).length >= 80);
  assert.ok(table.good.until - Date.now() / 1_000 > 365 * 86_400);
});

test("a document that claims otherwise would be noticed", () => {
  const rows = table.rows.map((row) => ({ row, postern: true, peers: { jose: true, hono: true, "fast-jwt": false, tsndr: true } }));
  const text = documentOf(rows, "2000-01-01");
  assert.deepEqual(new Set(verdictsIn(text).values()), new Set([true]));
  assert.equal(verdictsIn(text).size, rows.length);
  assert.match(text, /Not explained/);
});
