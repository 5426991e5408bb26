// What surrounds an SDK in these tests: the package itself, an express application, and a browser.
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

/**
 * A package as it is in the registry, loaded anew: SDKs keep their configuration for the life of a process, and each of
 * these is as good as a process of its own.
 * @param {string} name of a dependency @param {string[]} modules below it
 */
export function load(name, ...modules) {
  for (const file of Object.keys(require.cache)) if (file.includes(`/node_modules/${name}/`)) delete require.cache[file];
  return modules.map((module) => require(module ? `${name}/${module}` : name));
}

/**
 * An express application on a port of its own.
 * @param {(app: any, express: any, url: string) => void} define
 */
export async function listen(define) {
  const express = require("express");
  const app = express();
  const server = await new Promise((resolve) => {
    const listening = app.listen(0, "127.0.0.1", () => resolve(listening));
  });
  const url = `http://127.0.0.1:${server.address().port}`;
  define(app, express, url);
  return {
    url,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/**
 * A browser with a cookie jar, or with `header: true` an app that keeps its tokens itself.
 * @param {string} url @param {{header?: boolean}} [options]
 */
export function browser(url, { header = false } = {}) {
  /** @type {Record<string, {value: string, path: string, attributes: string}>} */
  let cookies = {};
  /** @type {Record<string, string>} */
  let tokens = {};
  return {
    get cookies() {
      return cookies;
    },
    get tokens() {
      return tokens;
    },
    /** A copy with the same tokens, as a thief has them. */
    copy() {
      const other = browser(url, { header });
      other.assume(structuredClone(cookies), { ...tokens });
      return other;
    },
    assume(newCookies, newTokens) {
      cookies = newCookies;
      tokens = newTokens;
    },
    /**
     * @param {string} method @param {string} path @param {{headers?: Record<string, string | undefined>, body?: unknown}} [options]
     */
    async send(method, path, { headers = {}, body } = {}) {
      const sent = Object.values(cookies).length && !header
        ? { cookie: Object.entries(cookies).filter(([, cookie]) => path.startsWith(cookie.path)).map(([name, { value }]) => `${name}=${value}`).join("; ") }
        : {};
      const bearer = header && tokens["st-access-token"] ? { authorization: `Bearer ${path.endsWith("/session/refresh") ? tokens["st-refresh-token"] : tokens["st-access-token"]}` } : {};
      const all = {
        ...sent,
        ...bearer,
        "st-auth-mode": header ? "header" : "cookie",
        ...(tokens["anti-csrf"] ? { "anti-csrf": tokens["anti-csrf"] } : {}),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      };
      const answer = await fetch(url + path, {
        method,
        headers: Object.fromEntries(Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))),
        body: body === undefined ? undefined : JSON.stringify(body),
      });
      for (const line of answer.headers.getSetCookie()) {
        const [, name = "", value = "", attributes = ""] = line.match(/^([^=]+)=([^;]*);?(.*)$/) ?? [];
        const expired = Date.parse(attributes.match(/expires=([^;]+)/i)?.[1] ?? "9999-12-31") <= Date.now();
        if (expired) delete cookies[name];
        else cookies[name] = { value, path: attributes.match(/path=([^;]+)/i)?.[1] ?? "/", attributes };
      }
      for (const name of ["st-access-token", "st-refresh-token", "front-token", "anti-csrf", "id-refresh-token"]) {
        const value = answer.headers.get(name);
        if (value === "" || value === "remove") delete tokens[name];
        else if (value !== null) tokens[name] = value;
      }
      const text = await answer.text();
      let json;
      try {
        json = JSON.parse(text);
      } catch {
        json = undefined;
      }
      return { status: answer.status, text, json, headers: answer.headers };
    },
    get(path, options) {
      return this.send("GET", path, options);
    },
    post(path, options) {
      return this.send("POST", path, options);
    },
  };
}
