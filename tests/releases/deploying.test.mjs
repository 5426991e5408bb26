// docs/deploying.md, walked in its order: what it says that users feel is what they feel, its commands exist, and every numbered
// step of the page has its test, here or where `ELSEWHERE` says.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { parse } from "smol-toml";
import { fromRoot, projectNode, wrangler } from "../../scripts/lib/paths.mjs";
import { startIsolates } from "../support/isolates.mjs";

const PAGE = readFileSync(fromRoot("docs", "deploying.md"), "utf8");
/** Steps whose tests are in other files: the file, and a part of the test's name. @type {Record<string, [string, string]>} */
const ELSEWHERE = {
  "The first deployment, step 1": ["tests/gateway/deploy.test.mjs", "API_DOMAIN"],
  "The first deployment, step 2": ["tests/worker/storage.test.mjs", "CENTRAL_LOCATION"],
  "The first deployment, step 3": ["tests/gateway/deploy.test.mjs", "nothing leaves the machine"],
  "Changing settings, step 5": ["tests/worker/relays.test.mjs", "a revocation is felt at every isolate"],
  "The first deployment, step 4": ["tests/hostile/api-keys.test.mjs", "API_KEYS"],
};
const ALL = ["postern", "postern-2", "postern-3", "postern-4"];

/** The text of a section. @param {string} heading */
function section(heading) {
  const text = PAGE.split(/^## /m).find((part) => part.startsWith(`${heading}\n`));
  assert.ok(text, `docs/deploying.md has no section "${heading}"`);
  return text;
}

test("every numbered step of the page has its test", () => {
  const here = ["deploying.test.mjs", "settings.test.mjs"].map((name) => readFileSync(fromRoot("tests", "releases", name), "utf8")).join("\n");
  const steps = PAGE.split(/^## /m).flatMap((part) => {
    const heading = part.split("\n", 1)[0] ?? "";
    return [...part.matchAll(/^(\d+)\. /gm)].map(([, number]) => `${heading}, step ${number}`);
  });
  assert.ok(steps.length >= 15, String(steps));
  for (const step of steps) {
    const [file, name] = ELSEWHERE[step] ?? [];
    if (file && name) assert.ok(existsSync(fromRoot(...file.split("/"))) && readFileSync(fromRoot(...file.split("/")), "utf8").includes(name), `${step}: ${file} has no "${name}"`);
    else assert.match(here, new RegExp(`"${step}: `), `${step} has no test`);
  }
});

test("The first deployment, step 5: what is to be written into wrangler.toml is what wrangler knows", () => {
  const [, toml] = /```toml\n([\s\S]*?)```/.exec(section("The first deployment")) ?? [];
  const schema = JSON.parse(readFileSync(fromRoot("node_modules", "wrangler", "config-schema.json"), "utf8"));
  const known = Object.keys(schema.definitions.RawConfig.properties);
  for (const name of Object.keys(parse(toml ?? ""))) assert.ok(known.includes(name), name);
});

test("the commands of the page are commands of wrangler and of this repository", async () => {
  const { scripts } = JSON.parse(readFileSync(fromRoot("package.json"), "utf8"));
  for (const [, name] of PAGE.matchAll(/`npm run ([a-z:]+)/g)) assert.ok(scripts[name ?? ""], `npm run ${name}`);
  const commands = new Set([...PAGE.matchAll(/npx wrangler ((?:[a-z]+ ?)+)/g)].map(([, words]) => (words ?? "").trim()));
  assert.ok(commands.has("rollback") && commands.has("versions upload"), [...commands].join());
  await Promise.all(
    [...commands].map(async (words) => {
      const child = spawn(projectNode, [wrangler, ...words.split(" "), "--help"], { env: { ...process.env, WRANGLER_SEND_METRICS: "false" }, stdio: ["ignore", "pipe", "pipe"] });
      let output = "";
      for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
      assert.equal(await new Promise((resolve) => child.once("close", resolve)), 0, words);
      assert.ok(output.includes(`wrangler ${words.split(" ")[0]}`), `${words}: ${output}`);
    }),
  );
});

/**
 * @typedef {object} Person one holder of one session
 * @property {string} userId
 * @property {any} tokens
 * @property {unknown} data
 */

/** @type {Awaited<ReturnType<typeof startIsolates>>} */
let bed;
before(async () => {
  bed = await startIsolates(4, { SIGNING_ALGORITHM: "ES256", RELAYS: "2" }, { next: [] });
});
after(() => bed?.close());

test("a release is deployed, watched and rolled back, and nobody feels it", async (t) => {
  const counts = { calls: 0, unavailable: 0 };
  let printed = "";
  /** @type {Person[]} */
  const people = [];
  const at = (/** @type {number} */ n) => /** @type {(typeof bed.isolates)[number]} */ (bed.isolates[n % bed.isolates.length]);
  /** A call whose answer is what it always was; 503 may be repeated. @param {number} n @param {string} method @param {unknown} argument */
  const ask = async (n, method, argument) => {
    for (let attempt = 0; attempt < 20; attempt += 1) {
      counts.calls += 1;
      const answer = await at(n).admin(method, argument);
      if (answer.status !== "GENERAL_ERROR") return answer;
      counts.unavailable += 1;
    }
    throw new Error(`${method} is not to be had`);
  };
  const logIn = async (/** @type {number} */ n) => {
    const userId = `person-${people.length}`;
    const tokens = await ask(n, "createNewSession", { userId, jwtPayload: { n }, sessionData: { n } });
    assert.equal(tokens.status, "OK");
    people.push({ userId, tokens, data: { n } });
  };
  /** Everybody goes on with everything that can be done, at other isolates than before. @param {string} step */
  const goOn = async (step) => {
    for (const [n, person] of people.entries()) {
      for (const freshness of ["strict", "within 10s"]) {
        const seen = await ask(n + 1, "getSession", { accessToken: person.tokens.accessToken.token, freshness });
        assert.equal(seen.status, "OK", `${step}: ${seen.message}`);
      }
      const refreshed = await ask(n + 2, "refreshSession", { refreshToken: person.tokens.refreshToken.token });
      assert.equal(refreshed.status, "OK", `${step}: ${refreshed.message}`);
      person.tokens = { ...person.tokens, ...refreshed };
      const handle = person.tokens.session.handle;
      assert.deepEqual((await ask(n + 3, "getSessionData", { handle, freshness: "strict" })).sessionData, person.data, step);
      person.data = { step };
      assert.equal((await ask(n, "updateSessionData", { handle, sessionData: person.data })).status, "OK", step);
    }
    await logIn(people.length);
    const [leaving] = people.splice(0, 1);
    const ended = await ask(people.length, "revokeSession", { handle: leaving?.tokens.session.handle });
    assert.deepEqual(ended.revoked, [leaving?.tokens.session.handle], step);
    assert.equal((await ask(1, "getSession", { accessToken: leaving?.tokens.accessToken.token, freshness: "strict" })).status, "UNAUTHORISED", step);
  };
  /** @param {string[]} next */
  const deploy = async (next) => {
    printed += bed.output();
    await bed.kill();
    await bed.start({ next });
  };
  const ready = async () => {
    for (const isolate of bed.isolates) assert.equal((await isolate.fetch("/auth/readyz")).status, 200, isolate.name);
  };
  for (let n = 0; n < 4; n += 1) await logIn(n);

  await t.test("Deploying a release, step 1: whoever checks is told that settings and storage are good", ready);
  await t.test("Deploying a release, step 2: isolates change first, and objects after them", async () => {
    await deploy(ALL.slice(1));
    await goOn("isolates");
    await deploy(ALL);
    await goOn("objects");
  });
  await t.test("Deploying a release, step 3: any mixture, also of objects that are of the release before", async () => {
    for (const mixture of [["postern-2"], ["postern", "postern-3"]]) {
      await deploy(mixture);
      await goOn(mixture.join());
    }
  });
  await t.test("Deploying a release, step 4: who watches sees no error, no theft and no 503", async () => {
    await ready();
    printed += bed.output();
    const lines = printed.split("\n").filter((line) => line.startsWith("{"));
    const parsed = lines.map((line) => JSON.parse(line));
    assert.deepEqual(parsed.filter(({ level }) => level === "error"), []);
    // An object of the release before says that it does not know a call; its caller makes the older one.
    assert.ok(parsed.some(({ level, event }) => level === "warn" && event === "other_release"));
    assert.equal(printed.includes("token_theft"), false);
    assert.ok(counts.unavailable / counts.calls < 0.01, `${counts.unavailable} of ${counts.calls}`);
  });
  await t.test("Deploying a release, step 5: rolled back, and forward again", async () => {
    await deploy([]);
    await goOn("back");
    await deploy(ALL);
    await goOn("forward");
  });
});
