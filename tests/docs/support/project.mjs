// @ts-check
// A project as somebody has it who installed the package: `postern-worker` and the client from their files, wrangler and what
// tutorials install besides from the repository.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fromRoot, projectNode } from "../../../scripts/lib/paths.mjs";
import { makePackages } from "../../../scripts/package.mjs";
import { npm } from "../../../scripts/setup.mjs";

/** What tutorials tell their readers to install. */
const FROM_REPOSITORY = ["@modelcontextprotocol", "esbuild", "express", "jose", "supertokens-website", "wrangler"];
/** Their programs, which `npx` finds. */
const PROGRAMS = ["esbuild", "wrangler"];

/** @returns {Promise<{directory: string, environment: Record<string, string | undefined>, remove: () => void}>} */
export async function makeProject() {
  const scratch = mkdtempSync(join(tmpdir(), "postern-tutorial-"));
  const directory = join(scratch, "project");
  mkdirSync(directory);
  writeFileSync(join(directory, "package.json"), '{"name":"mine","private":true,"type":"module"}');
  const packages = await makePackages(scratch);
  const install = ["install", "--offline", "--legacy-peer-deps", "--no-audit", "--no-fund", "--cache", join(scratch, "npm-cache"), ...packages];
  const { code, output } = await npm(install, { cwd: directory, quiet: true });
  assert.equal(code, 0, output);
  for (const name of FROM_REPOSITORY) symlinkSync(fromRoot("node_modules", name), join(directory, "node_modules", name));
  for (const name of PROGRAMS) {
    const program = join(directory, "node_modules", ".bin", name);
    if (!existsSync(program)) symlinkSync(fromRoot("node_modules", ".bin", name), program);
  }
  const environment = { ...process.env, PATH: [join(directory, "node_modules", ".bin"), dirname(projectNode), process.env.PATH].join(delimiter) };
  execFileSync(projectNode, [join(directory, "node_modules", "postern-worker", "bin", "postern.mjs"), "init"], { cwd: directory, stdio: "ignore" });
  return { directory, environment, remove: () => rmSync(scratch, { recursive: true, force: true }) };
}

/** Whether a program is here; `python3:flask` is a package of Python's. @param {string} program */
export function isHere(program) {
  const [name = "", module_] = program.split(":");
  const found = (process.env.PATH ?? "").split(delimiter).some((directory) => existsSync(join(directory, name)));
  if (!found || module_ === undefined) return found;
  try {
    execFileSync(name, ["-c", `import ${module_}`], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
