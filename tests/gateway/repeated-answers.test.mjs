// What is to become of an origin's answer is judged once for answers that are alike. A request with another `Origin` is judged
// anew, which must come to the same where no website is set up.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startGateway } from "../support/gateway.mjs";
import { startOrigin } from "../support/origin.mjs";

const STEPS = 400;
/** Headers, each with values that are treated in different ways. */
const HEADERS = {
  "cache-control": ["no-store", "public, max-age=60", "max-age=5", ""],
  vary: ["Accept-Encoding", "Cookie, Origin", "*"],
  "set-cookie": ["a=1", "sAccessToken=x", "a=1; Domain=127.0.0.1", ["b=2", "sRefreshToken=y"]],
  "clear-site-data": ['"cache"', '"cookies"', '"*"', '"cache", "cookies"'],
  "access-control-allow-origin": ["*", "https://a.example"],
  location: ["/here", "http://origin.example/there", "//x"],
  link: ["</style.css>; rel=preload"],
  "front-token": ["x"],
  "postern-payload": ["x"],
  x_front_token: ["x"],
  "cdn-cache-control": ["max-age=1"],
  expires: ["0"],
  etag: ['"1"', '"2"'],
  connection: ["x-secret"],
  "x-secret": ["1"],
};

let next = {};
let origin;
let gateway;
before(async () => {
  origin = await startOrigin((_request, response) => {
    for (const [name, value] of Object.entries(next.headers)) response.setHeader(name, value);
    response.writeHead(next.status).end("x");
  });
  gateway = await startGateway({
    origins: { app: { url: origin.url }, sessions: { url: origin.url, rewrite: true } },
    rules: [
      { path: "/open/**", origin: "app", session: "none" },
      { path: "/optional/**", origin: "app", session: "optional" },
      { path: "/shared/**", origin: "sessions", session: "optional", shared_cache: true },
    ],
  });
});
after(async () => {
  await gateway?.close();
  await origin?.close();
});

async function whole(path, headers) {
  const answer = await gateway.fetch(path, { headers, redirect: "manual" });
  return { status: answer.status, headers: [...answer.headers].filter(([name]) => name !== "date"), body: await answer.text() };
}

test("random answers in random order", async () => {
  const seed = Number(process.env.MODEL_SEED ?? Date.now() % 2 ** 32);
  let state = seed;
  const pick = (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  for (let step = 0; step < STEPS; step += 1) {
    // Few names at a time, so that the same ones come with other values.
    const names = Object.keys(HEADERS).filter(() => pick(6) === 0);
    const headers = Object.fromEntries(names.map((name) => [name, HEADERS[name][pick(HEADERS[name].length)]]));
    next = { status: [200, 200, 404, 302, 522][pick(5)], headers };
    const path = `/${["open", "optional", "shared"][pick(3)]}/x`;
    const known = await whole(path, {});
    const anew = await whole(path, { origin: `https://n${step}.example` });
    if (next.status === 522) for (const answer of [known, anew]) answer.body = answer.body.replace(/"requestId":"\w+"/, "");
    assert.deepEqual(known, anew, `MODEL_SEED=${seed}, step ${step}: ${JSON.stringify(next)}`);
  }
});
