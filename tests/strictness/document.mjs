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

/** What is made when it is shown, and whom it is compared with: a library, and what that cannot be told. @type {Record<string, {title: string, peer: string, package: string, lacks: string[], about: string}>} */
export const madeKinds = {
  proofs: {
    title: "Proofs of possession", peer: "oauth4webapi", package: "oauth4webapi", lacks: ["memory"],
    about: `Requests with an access token and a proof (DPoP, RFC 9449), of which one thing is wrong; their source is \`tests/strictness/proofs.mjs\`. Postern gets them by \`getSessionForRequest\`, oauth4webapi
by \`validateJwtAccessToken\` in Node: the one library of those compared with that checks proofs. jose, hono, fast-jwt and tsndr have none of it. "No option" means here that it remembers no proof.`,
  },
  signals: {
    title: "Logout signals", peer: "jose", package: "jose", lacks: ["events", "memory"],
    about: `Logout tokens (OpenID Connect Back-Channel Logout 1.0) and security event tokens (RFC 8417, CAEP); their source is \`tests/strictness/signals.mjs\`. Postern gets them at its endpoint for
[logout signals](issuer-logout.md), jose by \`jwtVerify\` with every option that it has for them. No client library for OpenID Connect that was looked at (openid-client, oauth4webapi) verifies them. "No option" means here
what jose leaves to its caller: what stands in \`events\`, whom it names, that it is no ID token, and that it is used once.`,
  },
};

/** @typedef {import("./rows.mjs").Row} Row */
/** @typedef {{row: {title: string, code?: string, policy?: string, needs?: string}, postern: boolean, peer: boolean}} MadeResult of a row that was made when it was shown */
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

/** The section of what was made when it was shown. @param {string} kind @param {MadeResult[]} results */
function madeSection(kind, results) {
  const { title, peer, package: name, lacks, about } = madeKinds[kind];
  const attacks = results.filter(({ row }) => row.code);
  const accepted = attacks.filter(({ peer }) => peer);
  const plain = accepted.filter(({ row }) => !row.policy && !lacks.includes(row.needs ?? ""));
  /** @param {MadeResult} result */
  const peerCell = ({ row, peer }) => (peer === !row.code ? word(peer) : lacks.includes(row.needs ?? "") ? `${word(peer)}, no option` : `**${word(peer)}**`);
  return `
## ${title}

${about}

${results.length} rows, of which ${attacks.length} must be refused. Postern accepts ${attacks.filter(({ postern }) => postern).length} of these, ${peer} (${name} ${versionOf(name)}) ${accepted.length}; without policy and what it has no option for ${plain.length}.

| what is shown | Postern | ${peer} | note |
| --- | --- | --- | --- |
${results.map((one) => `| ${cell(one.row.title)} | ${word(one.postern)} | ${peerCell(one)} | ${cell(one.row.policy ?? "")} |`).join("\n")}
`;
}

/** The document. @param {Measured[]} all @param {string} date @param {Record<string, MadeResult[]>} [made] by the names of `madeKinds` */
export function documentOf(all, date, made = {}) {
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
`).join("")}${Object.entries(made).map(([kind, results]) => madeSection(kind, results)).join("")}`;
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
