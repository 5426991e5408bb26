// What Postern is made of is listed whole, under licences that it takes.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { crates, packages } from "../../scripts/lib/components.mjs";
import { chosen, thirdPartyLicenses } from "../../scripts/licenses.mjs";
import { sbom } from "../../scripts/sbom.mjs";

const read = (path) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

test("the bill of materials names every locked crate and package with the digest that the lock file has", async () => {
  const document = await sbom();
  const hashes = new Map(document.components.map((component) => [component.purl, component.hashes?.[0]?.content]));
  const locked = [...read("Cargo.lock").matchAll(/name = "([^"]+)"\nversion = "([^"]+)"\nsource = "[^"]+"\nchecksum = "([^"]+)"/g)];
  assert.ok(locked.length > 100);
  for (const [, name, version, checksum] of locked) assert.equal(hashes.get(`pkg:cargo/${name}@${version}`), checksum, name);
  for (const { name, version } of packages()) assert.ok(hashes.has(`pkg:npm/${name.replace("@", "%40")}@${version}`), name);
  assert.deepEqual(await sbom(), document, "the same again");
});

test("what is in the Worker is listed as such, and no signature scheme in pure Rust is", async () => {
  const shipped = (await crates()).filter(({ isShipped }) => isShipped).map(({ name }) => name);
  for (const name of ["worker", "wasm-bindgen", "jwt-compact", "sha2", "subtle"]) assert.ok(shipped.includes(name), name);
  for (const name of ["rsa", "p256", "proptest", "openssl"]) assert.ok(!shipped.includes(name), name);
  const text = await thirdPartyLicenses();
  for (const name of shipped) assert.ok(text.includes(`\n${name} `), name);
});

test("what is in the console's page is listed as such, and other npm packages are not", async () => {
  const shipped = packages().filter(({ isShipped }) => isShipped).map(({ name, version }) => `${name} ${version}`);
  assert.match(shipped.join(), /^bowser [\d.]+$/);
  assert.ok((await thirdPartyLicenses()).includes(`\n${shipped[0]} (MIT)\n`));
  const document = await sbom();
  const required = document.components.filter(({ purl, scope }) => purl.startsWith("pkg:npm/") && scope === "required").map(({ purl }) => purl);
  assert.deepEqual(required, [`pkg:npm/${shipped[0].replace(" ", "@")}`]);
  assert.ok(document.dependencies[0].dependsOn.includes(required[0]));
});

test("one of the licences on offer is taken, and an unknown one stops everything", () => {
  assert.deepEqual(chosen("Apache-2.0 OR MIT"), ["MIT"]);
  assert.deepEqual(chosen("(MIT OR Apache-2.0) AND Unicode-3.0"), ["MIT", "Unicode-3.0"]);
  assert.throws(() => chosen("GPL-3.0-only"), /no licence/);
  assert.throws(() => chosen("MIT AND GPL-3.0-only"), /no licence/);
});

test("no unsafe code: forbidden, not only denied", () => {
  assert.match(read("Cargo.toml"), /^unsafe_code = "forbid"$/m);
  for (const crate of ["", "crates/core/", "crates/jwt/"]) assert.match(read(`${crate}src/lib.rs`), /^#!\[forbid\(unsafe_code\)\]$/m);
});
