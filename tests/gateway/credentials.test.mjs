// No credential of ours reaches an origin, whatever carries it, and none comes from one: real tokens over raw sockets.
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { startGateway } from "../support/gateway.mjs";
import { apiKey } from "../support/harness.mjs";
import { linesOf, startOrigin } from "../support/origin.mjs";
import { values } from "../support/raw-socket.mjs";

const REFRESH_PATH = "/api/auth/session/refresh";

/** The headers that the origin answers with. @type {Record<string, string | string[]>} */
let said = {};
let origin;
let gateway;
let other;
/** Real ones of this deployment. @type {{access: string, refresh: string}} */
let tokens;
/** Those of another deployment. @type {{access: string, refresh: string}} */
let theirs;
before(async () => {
  origin = await startOrigin((_, response) => response.writeHead(200, said).end("served"));
  const rules = [
    { path: "/open/**", origin: "app", session: "none" },
    { path: "/optional/**", origin: "app", session: "optional" },
    { path: "/required/**", origin: "app", session: "required" },
    { path: ["/sdk/**", "/api/**", "/refresh"], origin: "sdk", session: "none", forward_credentials: true },
    { path: "/forwarding/**", origin: "app", session: "none", forward_credentials: true },
  ];
  const origins = { app: { url: origin.url }, sdk: { url: origin.url, sessions: "sdk" } };
  const made = async () => {
    const started = await startGateway({ origins, rules, vars: { API_KEYS: apiKey } });
    const created = await started.admin("createNewSession", { userId: "alice", jwtPayload: { role: "member" } });
    return { started, tokens: { access: created.accessToken.token, refresh: created.refreshToken.token } };
  };
  ({ started: gateway, tokens } = await made());
  ({ started: other, tokens: theirs } = await made());
});
after(async () => {
  await gateway?.close();
  await other?.close();
  await origin?.close();
});
beforeEach(() => {
  said = {};
  origin.clear();
});

/** Everything that the origin was told, in every spelling that a token may hide in. */
function seen() {
  const text = origin.received.map((request) => `${request.url}\n${request.rawHeaders.join("\n")}`).join("\n");
  const decoded = text.replace(/%([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
  const unpacked = text.split(/[\s:;,="]+/).map((word) => Buffer.from(word, "base64").toString("latin1"));
  return [text, decoded, ...unpacked].join("\n");
}

/** Nothing of what makes a token one: the handle is told to origins on purpose, signature and MAC are not. @param {Partial<typeof tokens>} [of] */
function assertNothing(what, of = tokens) {
  const text = seen();
  for (const token of Object.values(of)) {
    for (const part of [token, token.split(".").at(-1).slice(0, 16)]) assert.ok(!text.includes(part), `${what}: a token reached the origin:\n${text.slice(0, 2000)}`);
  }
}

const encoded = encodeURIComponent;
/** Ways in which a token is carried. */
const carriers = {
  "the browser SDK's cookies": ({ access, refresh }) => [`Cookie: a=1; st-access-token=${access}; st-refresh-token=${refresh}; sFrontToken=e30; st-last-access-token-update=1; z=2`],
  "our cookies": ({ access, refresh }) => [`Cookie: a=1; sAccessToken=${access}; sRefreshToken=${encoded(refresh)}; __Host-sRefreshToken=${refresh}; z=2`],
  "cookies under other names": ({ access, refresh }) => [`Cookie: a=1; app.at=${access}; app.rt="${encoded(refresh)}"; both=${encoded(JSON.stringify({ access, refresh }))}; z=2`],
  "cookies on lines of their own": ({ access, refresh }) => ["Cookie: a=1", `Cookie: mine=${access}`, `Cookie: mine2=${refresh}`, "Cookie: z=2"],
  "a signed cookie of express": ({ access, refresh }) => [`Cookie: a=1; mine=s%3A${access}.c2lnbmF0dXJl; mine2=s:${refresh}.x; z=2`],
  "Bearer, a refresh token": ({ refresh }) => [`Authorization: Bearer ${refresh}`],
  "another scheme": ({ access }) => [`Authorization: Token ${access}`],
  "no scheme": ({ refresh }) => [`Authorization: ${refresh}`],
  "Basic, as git does": ({ access }) => [`Authorization: Basic ${Buffer.from(`git:${access}`).toString("base64")}`],
  "Basic, a refresh token": ({ refresh }) => [`Authorization: Basic ${Buffer.from(`git:${refresh}`).toString("base64")}`],
  "headers of the SDK": ({ access, refresh }) => [`St-Access-Token: ${access}`, `st_refresh_token: ${refresh}`, "st-other: 1"],
  "headers of one's own": ({ access, refresh }) => [`X-Token: ${access}`, `X-Refresh: v1 ${refresh};x`, `X-Json: {"t":"${access}"}`],
  "a referer": ({ access, refresh }) => [`Referer: https://app.example/?a=${access}&b=${encoded(refresh)}`],
  "a protocol of a WebSocket": ({ access }) => [`Sec-WebSocket-Protocol: chat, ${access}`],
};

describe("no credential of ours reaches an origin", () => {
  for (const [what, lines] of Object.entries(carriers)) {
    test(what, async () => {
      for (const path of ["/open/x", "/optional/x", "/required/x"]) {
        origin.clear();
        const sent = lines(tokens);
        const carries = sent.some((line) => line.startsWith("Authorization"));
        // On the rule that needs one there is a session besides.
        const session = path === "/required/x" && !carries ? [`Authorization: Bearer ${tokens.access}`] : [];
        const answer = await gateway.raw("GET", path, [...sent, ...session, "X-Kept: yes"]);
        if (answer.status === 200) assert.equal(origin.last().headers["x-kept"], "yes");
        // What is refused reaches nobody; a rule that looks at no session refuses nothing.
        assert.ok(answer.status === 200 || (path !== "/open/x" && origin.received.length === 0), `${path}: ${answer.status}`);
        assertNothing(`${what} to ${path}`);
        if (answer.status === 200 && sent[0].startsWith("Cookie: a=1")) assert.match(origin.last().headers.cookie, /^a=1[;,] ?z=2$/);
      }
    });
  }

  test("a cold isolate strips as a warm one does", async () => {
    await gateway.kill();
    await gateway.start();
    const sent = [`Cookie: a=1; mine=${tokens.access}; theirs=${theirs.access}`, `X-Mine: ${tokens.refresh}`, `X-Theirs: ${theirs.refresh}`];
    assert.equal((await gateway.raw("GET", "/open/x", sent)).status, 200);
    assertNothing("after a start");
    assert.equal(origin.last().headers.cookie, `a=1; theirs=${theirs.access}`);
    assert.equal(origin.last().headers["x-theirs"], theirs.refresh);
  });

  test("tokens of another deployment are somebody else's, under names of their own", async () => {
    await gateway.raw("GET", "/open/x", [`Cookie: theirs=${theirs.access}; rt=${theirs.refresh}`, `X-Theirs: ${theirs.access}`]);
    assert.equal(origin.last().headers.cookie, `theirs=${theirs.access}; rt=${theirs.refresh}`);
    assert.equal(origin.last().headers["x-theirs"], theirs.access);
  });

  test("a URL that holds one is refused", async () => {
    for (const url of [`/open/x?token=${tokens.access}`, `/open/x?y=1&t=${encoded(tokens.refresh)}`, `/open/${tokens.refresh}/x`]) {
      const answer = await gateway.raw("GET", url);
      assert.deepEqual([answer.status, JSON.parse(answer.body).status], [400, "BAD_INPUT"], url.slice(0, 30));
      assertNothing("a URL");
    }
    assert.match(gateway.output(), /the URL holds a token of a session/);
  });

  test("an API key is removed, and the log says so", async () => {
    for (const lines of [[`Api-Key: ${apiKey}`], [`api_key: ${apiKey}`], [`Authorization: ${apiKey}`], [`Authorization: bearer ${apiKey}`], ["api-key: somebody-elses-key-of-twenty"]]) {
      for (const path of ["/open/x", "/optional/x", "/forwarding/x", "/sdk/x"]) {
        origin.clear();
        assert.equal((await gateway.raw("GET", path, lines)).status, 200);
        assert.doesNotMatch(seen(), /twenty/);
        assert.ok(!seen().includes(apiKey), `${lines} to ${path}`);
      }
    }
    assert.match(gateway.output(), /gateway_api_key.*an API key was sent to an origin's path/);
  });
});

describe("forward_credentials", () => {
  const cookies = () => `Cookie: sAccessToken=${tokens.access}; sRefreshToken=${encoded(tokens.refresh)}; st-refresh-token=${tokens.refresh}; a=1`;

  test("an SDK at the origin gets what it verifies", async () => {
    await gateway.raw("GET", "/sdk/me", [`Authorization: Bearer ${tokens.access}`, cookies(), "Anti-Csrf: x", "Rid: session", "St-Auth-Mode: cookie"]);
    const { headers } = origin.last();
    assert.equal(headers.authorization, `Bearer ${tokens.access}`);
    assert.equal(headers.cookie, `sAccessToken=${tokens.access}; a=1`);
    assert.deepEqual([headers["anti-csrf"], headers.rid, headers["st-auth-mode"]], ["x", "session", "cookie"]);
    assertNothing("forwarded", { refresh: tokens.refresh });
  });

  test("a refresh token goes where the SDK refreshes, and nowhere else", async () => {
    for (const path of [REFRESH_PATH, `${REFRESH_PATH}/`, "/refresh"]) {
      await gateway.raw("POST", path, [`Authorization: Bearer ${tokens.refresh}`, `Cookie: sRefreshToken=${tokens.refresh}`, "Content-Length: 0"]);
      assert.equal(origin.last().headers.authorization, `Bearer ${tokens.refresh}`, path);
      assert.equal(origin.last().headers.cookie, `sRefreshToken=${tokens.refresh}`, path);
    }
    for (const [method, path] of [["GET", REFRESH_PATH], ["POST", `${REFRESH_PATH}/now`], ["POST", "/sdk/me"], ["POST", "/forwarding/refresh"]]) {
      origin.clear();
      await gateway.raw(method, path, [`Authorization: Bearer ${tokens.refresh}`, cookies(), `X-Rt: ${tokens.refresh}`, ...(method === "POST" ? ["Content-Length: 0"] : [])]);
      assert.equal(origin.received.length, 1);
      assertNothing(`${method} ${path}`, { refresh: tokens.refresh });
    }
  });
});

describe("an origin plants no credential", () => {
  test("neither by the name of a cookie nor by its value", async () => {
    const planted = [
      "st-refresh-token=evil; Path=/", "ST-Access-Token=evil", "__Secure-sRefreshToken=evil", "sIRTFrontend=remove",
      `mine=${tokens.access}; Path=/`, `mine=${encoded(tokens.refresh)}`, `mine="${tokens.refresh}"`, `mine=s%3A${tokens.access}.x`,
    ];
    for (const path of ["/open/x", "/optional/x"]) {
      said = { "set-cookie": ["first=1; Path=/", ...planted, "last=2"] };
      const answer = await gateway.raw("GET", path);
      assert.deepEqual(values(answer, "set-cookie"), ["first=1; Path=/", "last=2"], path);
    }
    said = { "set-cookie": planted };
    assert.deepEqual(values(await gateway.raw("GET", "/sdk/x"), "set-cookie"), planted, "an SDK's are its own");
  });

  test("nor by a header that the browser SDK acts on", async () => {
    said = { "st-access-token": "x", "St-Refresh-Token": "y", "front-token": "remove", "anti-csrf": "z", "id-refresh-token": "remove", "api-key": "k", "x-kept": "1" };
    const answer = await gateway.raw("GET", "/open/x");
    assert.deepEqual(answer.headers.filter(([name]) => /token|csrf|api-key|kept/i.test(name)), [["x-kept", "1"]]);
    assert.equal(linesOf(origin.last()).length > 0, true);
  });
});
