// @ts-check
// Python with the packages of tests/sdk/python/requirements.txt, in a directory of its own in the user's cache.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { digestOf } from "./hash.mjs";
import { childEnvironment, fromRoot, toolsDirectory, windows } from "./paths.mjs";
import { StepFailed, must, run, say, seconds } from "./process.mjs";

const requirements = "tests/sdk/python/requirements.txt";
const name = `python-sdk-${digestOf([requirements]).slice(0, 16)}`;
const programIn = (/** @type {string} */ directory) => (windows ? join(directory, "Scripts", "python.exe") : join(directory, "bin", "python"));
/** The interpreter that has those packages, once they are installed. */
export const pythonForTests = programIn(join(toolsDirectory, name));
const OLDEST = [3, 9];

/** Installs them unless they are there. */
export async function installPythonPackages() {
  // The interpreter that it was made from may have gone since.
  if (existsSync(pythonForTests) && (await run(pythonForTests, ["--version"], { quiet: true }).catch(() => undefined))?.code === 0) return;
  const python = await systemPython();
  const started = Date.now();
  say(`Installing ${readFileSync(fromRoot(requirements), "utf8").match(/^supertokens\S+/m)?.[0]} for its test (once, about half a minute)`);
  const directory = join(toolsDirectory, name);
  const scratch = join(toolsDirectory, `.${name}.${process.pid}`);
  const env = childEnvironment({ PIP_DISABLE_PIP_VERSION_CHECK: "1", PYTHONNOUSERSITE: "1" });
  mkdirSync(toolsDirectory, { recursive: true });
  try {
    const made = await run(python, ["-m", "venv", scratch], { env, quiet: true });
    if (made.code !== 0) throw new StepFailed("python3 has no venv: install it (on Debian and Ubuntu the package python3-venv)");
    await must(programIn(scratch), ["-m", "pip", "install", "--quiet", "--no-deps", "-r", fromRoot(requirements)], { env, quiet: true, heartbeat: "pip install" });
    rmSync(directory, { recursive: true, force: true });
    // A virtual environment finds its packages beside its interpreter, wherever that is.
    renameSync(scratch, directory);
    say(`Installed it in ${seconds(started)}`);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function systemPython() {
  for (const python of ["python3", "python"]) {
    const found = await run(python, ["-c", "import sys; print(*sys.version_info[:2])"], { quiet: true, collect: true }).catch(() => undefined);
    const [major = 0, minor = 0] = (found?.code === 0 ? found.output.trim() : "").split(" ").map(Number);
    const [oldestMajor = 0, oldestMinor = 0] = OLDEST;
    if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return python;
  }
  throw new StepFailed(`python3 ${OLDEST.join(".")} or newer is missing: install it from https://www.python.org`);
}
