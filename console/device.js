// @ts-check
// What people call the program behind a `User-Agent`: "Chrome 153 on Windows". Read when it is shown, by a library that is kept:
// what is stored stays what was sent, and a newer library knows newer browsers.
import Bowser from "bowser";

/** What the library knows. For anything else it takes a name out of the text, which is its sender's choice. */
const KNOWN = new Set(Object.values(Bowser.BROWSER_MAP).filter((name) => name !== "Generic"));

/**
 * Browser with its major version, and system where that is known.
 * @param {string} userAgent as it was sent, not empty @returns {string | undefined} nothing for a program that the library does not know
 */
export function deviceName(userAgent) {
  const { browser, os } = Bowser.parse(userAgent);
  if (!browser.name || !KNOWN.has(browser.name)) return undefined;
  const [major] = browser.version?.split(".") ?? [];
  return [browser.name, major, os.name && `on ${os.name}`].filter(Boolean).join(" ");
}
