// @ts-check
// docs/strictness.md: written from what was measured, and read back by a test.
import { readFileSync } from "node:fs";

/** The libraries compared with: their package, where they ran, and what they cannot be told to check. @type {Record<string, {package: string, ran: string, lacks: string[]}>} */
export const peers = {
  jose: { package: "jose", ran: "workerd", lacks: [] },
  hono: { package: "hono", ran: "workerd", lacks: ["required", "age"] },
  "fast-jwt": { package: "fast-jwt", ran: "Node", lacks: ["jwks"] },
  tsndr: { package: "@tsndr/cloudflare-worker-jwt", ran: "workerd", lacks: ["required", "age", "iss", "aud", "typ", "jwks"] },
};

/** @typedef {import("./rows.mjs").Row} Row */
/** @typedef {{row: Row, postern: boolean, peers: Record<string, boolean>}} Measured whether each accepted */

/** The pinned version of a development dependency. @param {string} name @returns {string} */
export function versionOf(name) {
  const { devDependencies } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  return devDependencies[name];
}

const ACCEPTED = "accepts";
const REFUSED = "refuses";
const word = (/** @type {boolean} */ accepted) => (accepted ? ACCEPTED : REFUSED);
const cell = (/** @type {string} */ text) => text.replaceAll("|", "\\|");

/** A peer's cell: what it did, or that it cannot be told. @param {string} name @param {Measured} measured */
function peerCell(name, { row, peers: results }) {
  if (results[name] === !row.code) return word(results[name]);
  if (row.needs && peers[name].lacks.includes(row.needs)) return `${word(results[name])}, no option`;
  return `**${word(results[name])}**`;
}

/** The document. @param {Measured[]} all @param {string} date */
export function documentOf(all, date) {
  const attacks = all.filter(({ row }) => row.code);
  const names = Object.keys(peers);
  const isPlain = (/** @type {Measured} */ { row }, /** @type {string} */ name) => !row.policy && !(row.needs && peers[name].lacks.includes(row.needs));
  const count = (/** @type {string} */ name) => {
    const accepted = attacks.filter(({ peers: results }) => results[name]);
    return `${accepted.length} | ${accepted.filter((one) => isPlain(one, name)).length}`;
  };
  const stricter = all.filter(({ postern, peers: results }) => postern && names.some((name) => !results[name]));
  const groups = [...new Set(all.map(({ row }) => row.group))];
  return `# Strictness: what is refused, and by whom

Written by \`npm run strictness\`; do not edit. Measured ${date}, with ${names.map((name) => `${peers[name].package} ${versionOf(peers[name].package)}`).join(", ")}.

${all.length} tokens, of which ${attacks.length} must be refused and ${all.length - attacks.length} accepted; their source is \`tests/strictness/rows.mjs\`.
Postern is shown them over RPC (\`getSession\`), as tokens of trusted issuers, on workerd. The libraries run ${names.map((name) => `${name} in ${peers[name].ran}`).join(", ")}
(fast-jwt's RSA and ECDSA need more of \`node:crypto\` than workerd has), each as its documentation says to use it safely and with the same policy:
algorithms, issuer, audience, \`typ\`, required claims, maximum age.

- **bold**: otherwise than the row wants.
- "no option": the library cannot be told to check this; its documentation leaves it to the caller.
- A note says why two verifiers that both do their job may differ: that is policy, not a fault.
- Keys cannot be refused by a library that is given one key and not a key set; there "no option" says so as well.

## In short

| | accepts of ${attacks.length} attacks | without policy and what it has no option for |
| --- | --- | --- |
| Postern | ${attacks.filter(({ postern }) => postern).length} | ${attacks.filter(({ postern }) => postern).length} |
${names.map((name) => `| ${name} | ${count(name)} |`).join("\n")}

Rows that Postern accepts and another refuses, all of them good tokens: ${stricter.length}.
${stricter.map(({ row, peers: results }) => `- ${row.title}: refused by ${names.filter((name) => !results[name]).join(", ")}. ${row.policy ? `Policy: ${row.policy}.` : "**Not explained.**"}`).join("\n")}

Postern keys nothing on a token's bytes: a revocation goes by handle, and the cache of verified tokens only saves work.
${groups.map((group) => `
## ${group}

| token | Postern | ${names.join(" | ")} | note |
| --- | --- | ${names.map(() => "---").join(" | ")} | --- |
${all.filter(({ row }) => row.group === group).map((one) => `| ${cell(one.row.title)} | ${word(one.postern)} | ${names.map((name) => peerCell(name, one)).join(" | ")} | ${cell(one.row.policy ?? "")} |`).join("\n")}
`).join("")}`;
}

/** What a document says of Postern: whether it accepts, by group and title. @param {string} text */
export function verdictsIn(text) {
  /** @type {Map<string, boolean>} */
  const verdicts = new Map();
  let group = "";
  for (const line of text.split("\n")) {
    if (line.startsWith("## ")) group = line.slice(3);
    const [, title, word] = line.match(/^\| (.*?) \| (accepts|refuses) \|/) ?? [];
    if (title) verdicts.set(`${group}: ${title.replaceAll("\\|", "|")}`, word === ACCEPTED);
  }
  return verdicts;
}
