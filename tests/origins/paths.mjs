// @ts-check
// Paths that some server may read otherwise than a gateway in front of it: tokens that mean something to somebody, in places
// where that would lead from an open path to a protected one.

const hex = (/** @type {number} */ byte) => byte.toString(16).padStart(2, "0");
const escaped = (/** @type {string} */ text) => [...Buffer.from(text)].map((byte) => `%${hex(byte)}`).join("");

/** Characters that Unicode normalisation, a code page or an eager trimmer turns into dots, slashes, semicolons, or nothing. */
const lookalikes = [
  "\u2024", "\u2025", "\u2026", "\uff0e", "\ufe52", "\u3002", "\uff61", "\u2044", "\u2215", "\uff0f", "\u29f8", "\u2216", "\uff3c", "\ufe68",
  "\u00a5", "\u20a9", "\u037e", "\uff1b", "\ufe54", "\uff1f", "\uff03", "\uff05", "\u00a0", "\u3000", "\u200b", "\u00ad", "\ufeff", "\u2028",
];

const spelled = [
  "", ".", "..", "...", "....", "/", "//", "/./", "/../", "\\", "\\..\\", ";", ";x", ";x=1", ";/", "..;", "..;x=1", ".;", ";jsessionid=1", "?", "#",
  "%", "%%", "%2", "%zz", "%u002e", "%u002f", "%u005c", "%uff0e", "%2e%2e", ".%2e", "%2e.", "%2E%2E%2F", "%252e%252e", "%252f", "%255c", "%253b",
  "%25%32%65", "%3b%2e", "..%3b", "%3bx=1", "%3Bjsessionid=1", ".%3b.", "%3b%2f", "%2f%2f", "%5c%5c", "%5c..%5c", "..%5c", "..%2f", "%2f..",
  "%c0%ae", "%c0%ae%c0%ae", "%c0%af", "%c1%9c", "%e0%80%ae", "%e0%80%af", "%f0%80%80%ae", "%ef%bc%8e%ef%bc%8e", "%00.txt", "%00;", "%0a", "%0d%0a",
  "%20", "%20%20", "..%20", "%20..", "...%20", ".%20.", "%20.", ".%20", "%09..", "..%09", "+", "~1", "::$DATA", ":$i30:$INDEX_ALLOCATION", "%3a%3a$DATA",
  ":80", "@", "@x", "(S(x))", "/(S(x))/", "%3fx", "%23x", "..%3f", "..%23", "%3f/../", "..%00", "..%0d", "..%ff", "%e2%80%ae", "%7f", ".json", "%2ejson",
  ".php", ".txt", "/.", "/..", "/x/..", "/x/../..", "/%2e", "/%2e%2e", "x/..;/", "x/..%3b/", "x/%2e%2e;/", "*", "**", "!", "$", "'", "\"", "<", "|", "^", "`", "{",
];

/** Every token, once. */
export const tokens = [...new Set([...Array.from({ length: 256 }, (_, byte) => `%${hex(byte)}`), ...spelled, ...lookalikes.map(escaped), ...lookalikes.map((text) => `..${escaped(text)}`)])];

/** Where a token is put. @type {((token: string) => string)[]} */
const places = [
  (t) => `/open/${t}/admin/secret.txt`,
  (t) => `/open/..${t}/admin/secret.txt`,
  (t) => `/open/${t}../admin/secret.txt`,
  (t) => `/open/.${t}./admin/secret.txt`,
  (t) => `/open/..${t}admin/secret.txt`,
  (t) => `/open/${t}admin/secret.txt`,
  (t) => `/open/x${t}/../../admin/secret.txt`,
  (t) => `/open${t}/../admin/secret.txt`,
  (t) => `/open${t}/admin/secret.txt`,
  (t) => `/${t}/admin/secret.txt`,
  (t) => `/${t}admin/secret.txt`,
  (t) => `/admin${t}/secret.txt`,
  (t) => `/adm${t}in/secret.txt`,
  (t) => `/admin${t}`,
  (t) => `/admin${t}secret.txt`,
  (t) => `/admin.php${t}`,
  (t) => `/admin.php${t}/x.txt`,
  (t) => `/report.txt${t}`,
  (t) => `/${t}report.txt`,
];

/** Some thousand paths, each once. */
export const paths = [...new Set(places.flatMap((place) => tokens.map(place)))];

/** The rules that protect the files: everything else is open to everybody. @param {string} host @param {string} origin */
export const rulesFor = (host, origin) => [
  { host, origin, path: "/open/**", session: "none" },
  { host, origin, path: ["/admin/**", "/admin.php/**"], session: "required", require: { claim: "role", equals: "admin" } },
  { host, origin, path: "/report.txt/**", session: "required" },
  { host, origin, path: "/**", session: "optional" },
];

/** What a gateway protects that compares the text of paths, as the rules are written. @param {string} path */
export const isProtectedAsText = (path) => /^\/admin(\.php)?(\/|\?|#|$)/.test(path) || /^\/report\.txt(\/|\?|#|$)/.test(path);
