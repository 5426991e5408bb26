// Whether a request is one that a page of another website made a browser send.

const SAFE = new Set(["GET", "HEAD", "OPTIONS", "TRACE"]);

/** RFC 9110 section 9.2.1. */
export const changesNothing = (method) => SAFE.has(method);

/**
 * A browser sends its cookies along with what any page has it send, and says which. Programs that are no browser say nothing.
 * `origins` are websites whose pages may, beside those of the host itself.
 */
export function isOfAnotherWebsite({ url, headers }, origins) {
  const origin = headers.get("origin");
  if (origin === null) return !["same-origin", "none", null].includes(headers.get("sec-fetch-site"));
  if (origins.includes(origin)) return false;
  return !URL.canParse(origin) || new URL(origin).host !== (headers.get("host") ?? new URL(url).host);
}
