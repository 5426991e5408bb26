// @ts-check
// `npm run docs`: writes the lists in documents that are made from tables in the code (crates/core/tests/documents.rs).
import { childEnvironment } from "./lib/paths.mjs";
import { must } from "./lib/process.mjs";

await must("cargo", ["test", "--locked", "--quiet", "--package", "postern-core", "--test", "documents"], {
  env: childEnvironment({ UPDATE_DOCS: "1" }),
});
