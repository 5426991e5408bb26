// @ts-check
// `npm run docs`: writes the lists in documents that are made from tables in the code (crates/core/tests/documents.rs), and
// the files of template/ that are made from those of the repository.
import { childEnvironment } from "./lib/paths.mjs";
import { must } from "./lib/process.mjs";
import { writeTemplate } from "./lib/template.mjs";

await must("cargo", ["test", "--locked", "--quiet", "--package", "postern-core", "--test", "documents"], {
  env: childEnvironment({ UPDATE_DOCS: "1" }),
});
writeTemplate();
