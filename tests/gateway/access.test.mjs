// Who passes: rules, claims, refusals, CORS, shadow mode, several tokens, trusted issuers, and outages.
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { access, bearer, cookie, withBadSignature } from "../support/browser.mjs";
import { startGateway } from "../support/gateway.mjs";
import { apiKey } from "../support/harness.mjs";
import { startIssuer } from "../support/issuer.mjs";
import { startOrigin } from "../support/origin.mjs";
import { values } from "../support/raw-socket.mjs";

const WEBSITE = "https://www.example.com";
/** What browsers send with a page that is opened; `fetch` would not let us. */
const PAGE = ["Accept: text/html,application/xhtml+xml,*/*;q=0.8", "Sec-Fetch-Mode: navigate"];

const rules = [
  { path: "/none/**", origin: "app", session: "none" },
  { path: "/optional/**", origin: "app", session: "optional" },
  { path: "/admin/**", origin: "app", session: "required", require: { all: [{ claim: "role", equals: "admin" }] } },
  { path: "/staff/**", origin: "app", session: "required", require: { any: [{ claim: "groups", contains: "staff" }, { claim: "level", at_least: 5 }] } },
  { path: "/strict/**", origin: "app", session: "required", freshness: "strict" },
  { path: "/stateless/**", origin: "app", session: "required", freshness: "stateless" },
  { path: "/pages/**", origin: "app", session: "required", refuse: { login: "https://login.example.com/start" } },
  { path: "/shadow/**", origin: "app", session: "required", shadow: true, require: { all: [{ claim: "role", equals: "admin" }] } },
  { path: "/anonymous-in-outage/**", origin: "app", session: "required", freshness: "strict", on_outage: "anonymous" },
  { path: "/csrf/**", origin: "app", session: "required" },
  { path: "/no-csrf/**", origin: "app", session: "required", anti_csrf: false },
  { host: "other.example", path: "/**", methods: ["GET", "POST"], origin: "app", session: "required" },
  { path: "/idp/**", origin: "app", session: "required", freshness: "strict", issuers: ["own", "idp"] },
];

let origin;
let gateway;
let issuer;
before(async () => {
  issuer = await startIssuer();
  origin = await startOrigin((_, response) =>
    response.writeHead(200, { "access-control-allow-origin": "*", "access-control-allow-credentials": "true", "access-control-expose-headers": "x-total", vary: "accept-language" }).end("served"),
  );
  gateway = await startGateway({ origins: { app: { url: origin.url } }, rules, vars: { WEBSITE_ORIGINS: WEBSITE, TRUSTED_ISSUERS: [issuer.setting], COOKIE_SAME_SITE: "none", COOKIE_SECURE: true } });
});
after(async () => {
  await gateway?.close();
  await origin?.close();
});
beforeEach(() => origin.clear());

const ask = async (path, headers = {}, method = "GET") => {
  const answer = await gateway.fetch(path, { method, headers });
  const text = await answer.text();
  return { status: answer.status, text, body: text.startsWith("{") ? JSON.parse(text) : undefined, headers: answer.headers, reached: origin.received.length, user: origin.last()?.headers["postern-user-id"] };
};

describe("sessions", () => {
  test("required, optional and none", async () => {
    const { headers } = await gateway.session();
    for (const [path, sent, status, user] of [
      ["/none/x", {}, 200, undefined],
      ["/none/x", headers, 200, undefined],
      ["/none/x", bearer("x.y.z"), 200, undefined],
      ["/optional/x", {}, 200, undefined],
      ["/optional/x", headers, 200, "alice"],
      ["/stateless/x", headers, 200, "alice"],
      ["/stateless/x", {}, 401, undefined],
    ]) {
      origin.clear();
      const got = await ask(path, sent);
      assert.deepEqual([got.status, got.user], [status, user], path);
      assert.equal(got.reached, status === 200 ? 1 : 0);
    }
  });

  test("a refusal says what to do, as everywhere at our doors", async () => {
    const { token } = await gateway.session();
    const absent = await ask("/strict/x");
    assert.deepEqual([absent.status, absent.body, absent.headers.get("www-authenticate")], [401, { status: "UNAUTHORISED", message: "unauthorised" }, "Bearer"]);
    const bad = await ask("/strict/x", bearer(withBadSignature(token)));
    assert.deepEqual([bad.status, bad.body.message, bad.headers.get("www-authenticate")], [401, "try refresh token", 'Bearer error="invalid_token"']);
    for (const { headers } of [absent, bad]) assert.equal(headers.get("cache-control"), "no-store");
    assert.equal(origin.received.length, 0);
  });

  test("a request that no rule lets through is 403, whoever asks", async () => {
    const { headers } = await gateway.session("alice", { role: "admin" });
    for (const sent of [{}, headers]) {
      const got = await ask("/elsewhere", sent);
      assert.deepEqual([got.status, got.body.status, got.reached], [403, "NO_RULE", 0]);
    }
    assert.equal((await gateway.raw("DELETE", "/x", ["Host: other.example"])).status, 403);
    assert.equal((await gateway.raw("GET", "/x", ["Host: other.example"])).status, 401);
  });

  test("an ended session is refused at strict at once, and its cookies are cleared; stateless still honours it", async () => {
    const session = await gateway.session();
    await gateway.admin("revokeSession", { handle: session.handle });
    const got = await ask("/strict/x", cookie(access(session.token)));
    assert.deepEqual([got.status, got.body.message, got.reached], [401, "unauthorised", 0]);
    assert.ok(got.headers.getSetCookie().some((line) => line.startsWith("sAccessToken=;")));
    assert.equal((await ask("/stateless/x", bearer(session.token))).status, 200);
  });

  test("our own paths are never the origin's", async () => {
    for (const path of ["/auth/session", "/auth/jwt/jwks.json", "/auth/healthz", "/core/hello"]) await ask(path);
    assert.equal(origin.received.length, 0);
  });
});

describe("claims", () => {
  test("a requirement that is not met is 403 with the ids of the claims, in the browser protocol's form", async () => {
    const admin = await gateway.session("alice", { role: "admin" });
    const member = await gateway.session("bob", { role: "member" });
    const plain = await gateway.session("carol");
    assert.equal((await ask("/admin/x", admin.headers)).status, 200);
    origin.clear();
    const wrong = await ask("/admin/x", member.headers);
    assert.deepEqual([wrong.status, wrong.body.message], [403, "invalid claim"]);
    assert.deepEqual(wrong.body.claimValidationErrors, [{ id: "role", reason: { message: "wrong value" } }]);
    const absent = await ask("/admin/x", plain.headers);
    assert.deepEqual(absent.body.claimValidationErrors, [{ id: "role", reason: { message: "value does not exist" } }]);
    assert.ok(!JSON.stringify([wrong.body, absent.body]).includes("admin"), "what is wanted is not said");
    assert.equal(origin.received.length, 0);
  });

  test("any of several will do", async () => {
    for (const [payload, status] of [[{ groups: ["x", "staff"] }, 200], [{ level: 5 }, 200], [{ level: 4 }, 403], [{ groups: ["staffing"] }, 403], [{}, 403]]) {
      assert.equal((await ask("/staff/x", (await gateway.session("alice", payload)).headers)).status, status, JSON.stringify(payload));
    }
  });
});

describe("several tokens", () => {
  test("of two of ours the one in Authorization decides; refused, it locks nobody out who has a good cookie", async () => {
    const [one, two] = [await gateway.session("alice"), await gateway.session("bob")];
    const got = await ask("/optional/x", { ...bearer(one.token), ...cookie(access(two.token)) });
    assert.deepEqual([got.status, got.user], [200, "alice"]);
    const other = await startIssuer();
    for (const token of ["opaque", "a.b.c", withBadSignature(one.token), await other.token({ sid: "s1", sub: "dora" }), await issuer.token({ sid: "s1", sub: "dora" }, "-1m")]) {
      for (const path of ["/optional/x", "/strict/x"]) {
        const beside = await ask(path, { ...bearer(token), ...cookie(access(two.token)) });
        assert.deepEqual([beside.status, beside.user], [200, "bob"], `${path} ${token.length}`);
      }
    }
  });

  test("one source given twice is 400", async () => {
    const [one, two] = [await gateway.session("alice"), await gateway.session("bob")];
    const answer = await gateway.raw("GET", "/optional/x", [`Authorization: Bearer ${one.token}`, `Authorization: Bearer ${two.token}`]);
    assert.equal(answer.status, 400);
    assert.equal(origin.received.length, 0);
  });

  test("a trusted issuer's token is a session, too; an expired or unknown one is not", async () => {
    const good = await ask("/idp/x", bearer(await issuer.token({ sid: "s1", sub: "dora" })));
    assert.deepEqual([good.status, good.user], [200, undefined]);
    assert.equal(origin.last().headers["postern-subject"], "dora");
    assert.match(origin.last().headers["postern-session-handle"], /./);
    const other = await startIssuer();
    for (const [token, message] of [[await issuer.token({ sid: "s1", sub: "dora" }, "-1m"), "try refresh token"], [await other.token({ sid: "s1", sub: "dora" }), "unauthorised"]]) {
      const got = await ask("/idp/x", bearer(token));
      assert.deepEqual([got.status, got.body.message], [401, message]);
    }
  });
});

describe("pages", () => {
  test("a person is sent to log in, and back; a program gets JSON", async () => {
    const page = await gateway.raw("GET", "/pages/account?tab=1", PAGE);
    assert.deepEqual([page.status, page.body], [302, ""]);
    const location = new URL(values(page, "location")[0]);
    assert.equal(location.origin + location.pathname, "https://login.example.com/start");
    assert.equal(location.searchParams.get("return_to"), "http://127.0.0.1:8787/pages/account?tab=1");
    const script = await ask("/pages/account", { accept: "application/json" });
    assert.deepEqual([script.status, script.body.status], [401, "UNAUTHORISED"]);
    assert.match(script.headers.get("vary") ?? "", /accept/i);
    assert.equal((await gateway.raw("POST", "/pages/account", [...PAGE, "Content-Length: 0"])).status, 401);
  });

  test("the way back leads to no other site", async () => {
    for (const lines of [["Host: evil.example"], ["Host: app.example", "X-Forwarded-Host: evil.example"]]) {
      const answer = await gateway.raw("GET", "/pages/x", [...lines, "Accept: text/html", "Sec-Fetch-Mode: navigate"]);
      assert.equal(answer.status, 302);
      assert.ok(!answer.text.includes("evil.example"), answer.text);
    }
  });

  test("someone without the right claim is not sent to log in again", async () => {
    const { token } = await gateway.session("alice", { role: "member" });
    assert.equal((await gateway.raw("GET", "/admin/x", [`Authorization: Bearer ${token}`, ...PAGE])).status, 403);
  });
});

describe("other websites", () => {
  const preflight = (path, origin = WEBSITE, method = "POST") => ask(path, { origin, "access-control-request-method": method, "access-control-request-headers": "x-mine" }, "OPTIONS");

  test("a preflight is answered for the rule, without a session, and reaches no origin", async () => {
    for (const path of ["/strict/x", "/admin/x", "/optional/x"]) {
      const got = await preflight(path);
      assert.deepEqual([got.status, got.headers.get("access-control-allow-origin"), got.headers.get("access-control-allow-credentials")], [204, WEBSITE, "true"]);
      assert.match(got.headers.get("access-control-allow-headers") ?? "", /x-mine/);
      const stranger = await preflight(path, "https://evil.example");
      assert.deepEqual([stranger.status, stranger.headers.get("access-control-allow-origin")], [204, null]);
    }
    assert.equal(origin.received.length, 0);
  });

  test("where sessions count, an origin cannot open them to everybody", async () => {
    const { headers } = await gateway.session();
    const ours = await ask("/strict/x", { ...headers, origin: WEBSITE });
    assert.deepEqual([ours.headers.get("access-control-allow-origin"), ours.headers.get("access-control-allow-credentials"), ours.headers.get("access-control-expose-headers")], [WEBSITE, "true", "x-total"]);
    assert.match(ours.headers.get("vary") ?? "", /accept-language.*origin/i);
    const stranger = await ask("/strict/x", { ...headers, origin: "https://evil.example" });
    assert.notEqual(stranger.headers.get("access-control-allow-origin"), "https://evil.example");
    assert.equal(stranger.headers.get("access-control-allow-credentials"), null);
  });

  test("where they do not, the origin's word stands", async () => {
    const got = await ask("/none/x", { origin: "https://evil.example" });
    assert.equal(got.headers.get("access-control-allow-origin"), "*");
  });

  test("a refusal can be read by our websites", async () => {
    const got = await ask("/strict/x", { origin: WEBSITE });
    assert.deepEqual([got.status, got.headers.get("access-control-allow-origin")], [401, WEBSITE]);
  });

  test("a session in a cookie needs the anti-CSRF header for whatever changes something; a rule may switch that off", async () => {
    const { token } = await gateway.session();
    const sent = cookie(access(token));
    assert.equal((await ask("/csrf/x", sent)).status, 200);
    assert.deepEqual([(await ask("/csrf/x", sent, "POST")).status, (await ask("/csrf/x", { ...sent, rid: "session" }, "POST")).status], [401, 200]);
    assert.equal((await ask("/no-csrf/x", sent, "POST")).status, 200);
    assert.equal((await ask("/csrf/x", bearer(token), "POST")).status, 200);
  });
});

test("shadow: what would be refused passes, and is in the log", async () => {
  const { headers } = await gateway.session("alice", { role: "member" });
  const anonymous = await ask("/shadow/x");
  assert.deepEqual([anonymous.status, anonymous.user], [200, undefined]);
  const member = await ask("/shadow/x", headers);
  assert.deepEqual([member.status, member.user], [200, "alice"]);
  const lines = gateway.output().split("\n").filter((line) => line.includes("gateway_shadow"));
  assert.match(lines.at(-2) ?? "", /rule \/shadow\/\*\*: would be refused: session/);
  assert.match(lines.at(-1) ?? "", /rule \/shadow\/\*\*: would be refused: claims/);
});

test("explain: which rule, which check, and no secret", async () => {
  const session = await gateway.session("alice", { role: "member" });
  const explain = async (body, key = apiKey) => {
    const answer = await gateway.fetch("/auth/explain", { method: "POST", headers: { "api-key": key, "content-type": "application/json" }, body: JSON.stringify(body) });
    return { status: answer.status, text: await answer.text() };
  };
  const told = await explain({ method: "GET", url: "http://127.0.0.1:8787/admin/x", token: session.token });
  assert.equal(told.status, 200, told.text);
  const { rule, decision } = JSON.parse(told.text);
  assert.equal(rule.index, 2, told.text);
  assert.ok(JSON.stringify(JSON.parse(told.text)).includes("claims"), told.text);
  assert.ok(decision !== undefined, told.text);
  assert.ok(!told.text.includes(session.token.slice(-20)) && !told.text.includes("member"), told.text);
  assert.notEqual((await explain({ url: "http://127.0.0.1:8787/x" }, "wrong-key-wrong-key-wrong")).status, 200);
  assert.equal(origin.received.length, 0);
});

describe("outages", () => {
  const betweenLives = async (className, statement) => {
    await gateway.kill();
    gateway.sql(className, statement);
    await gateway.start();
  };
  for (const [what, className, damage, repair] of [
    ["keys", "KeyRing", "UPDATE ring SET record = 'x' || record", "UPDATE ring SET record = substr(record, 2)"],
    ["the user's object", "UserSessions", "UPDATE schema SET version = version + 98", "UPDATE schema SET version = version - 98"],
  ]) {
    test(`without ${what}: 503, or anonymous where the rule says so; nobody is logged out`, async () => {
      const session = await gateway.session();
      await betweenLives(className, damage);
      try {
        origin.clear();
        const got = await ask("/strict/x", cookie(access(session.token)));
        assert.deepEqual([got.status, got.body?.status, got.reached], [503, "GENERAL_ERROR", 0]);
        assert.match(got.headers.get("retry-after") ?? "", /^\d+$/);
        assert.deepEqual(got.headers.getSetCookie(), []);
        const passed = await ask("/anonymous-in-outage/x", bearer(session.token));
        assert.deepEqual([passed.status, passed.user], [200, undefined]);
        // Who shows no token, and who needs none, is served.
        assert.deepEqual([(await ask("/none/x")).status, (await ask("/optional/x")).status, (await ask("/strict/x")).status], [200, 200, 401]);
        assert.equal((await ask("/auth/healthz")).status, 200);
        if (className === "KeyRing") assert.equal((await ask("/auth/readyz")).status, 503);
      } finally {
        await betweenLives(className, repair);
      }
      assert.equal((await ask("/strict/x", bearer(session.token))).status, 200);
      assert.equal((await ask("/auth/readyz")).status, 200);
    });
  }
});
