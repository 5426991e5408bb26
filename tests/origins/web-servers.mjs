// @ts-check
// nginx, Apache httpd, PHP and node as origins: each serves the same files, and the first two pass on to another server, too.
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, join } from "node:path";
import { userInfo } from "node:os";
import express from "express";
import { freePort, program, start } from "./server.mjs";

/** @typedef {import("./server.mjs").Running} Running */
const isRoot = userInfo().uid === 0;

/**
 * nginx; with `behind` as a proxy by `proxy_pass` with a URI, which decodes and encodes the path anew.
 * @param {string} folder @param {string} root @param {Running} [behind] @returns {Promise<Running | undefined>}
 */
export async function nginx(folder, root, behind) {
  const path = program("nginx");
  if (!path) return undefined;
  const port = await freePort();
  const home = join(folder, `nginx-${port}`);
  mkdirSync(join(home, "temp"), { recursive: true });
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((kind) => `${kind}_temp_path temp/${kind};`).join(" ");
  const location = behind ? `location / { proxy_pass ${behind.url}/; }` : `root ${root};`;
  writeFileSync(
    join(home, "nginx.conf"),
    `daemon off; master_process off; pid nginx.pid; error_log stderr crit;
events { worker_connections 512; }
http { access_log off; ${temporary} server { listen 127.0.0.1:${port}; ${location} } }
`,
  );
  return start(behind ? `nginx, then ${behind.name}` : "nginx", path, ["-p", home, "-c", join(home, "nginx.conf"), "-e", "stderr"], port);
}

/**
 * Apache httpd; with `behind` as a proxy, with `cgi` running PHP by it.
 * @param {string} folder @param {string} root @param {{behind?: Running, cgi?: string}} [how] @returns {Promise<Running | undefined>}
 */
export async function apache(folder, root, { behind, cgi } = {}) {
  const path = program("apache2", "httpd");
  const modules = ["/usr/lib/apache2/modules", "/usr/lib64/httpd/modules", "/usr/lib/httpd/modules", "/usr/local/apache2/modules", "/opt/homebrew/lib/httpd/modules"].find(existsSync);
  if (!path || !modules) return undefined;
  const port = await freePort();
  const home = join(folder, `apache-${port}`);
  mkdirSync(home);
  const wanted = ["mpm_event", "unixd", "authz_core", "mime", "dir", "alias", ...(behind ? ["proxy", "proxy_http"] : []), ...(cgi ? ["cgid", "actions"] : [])];
  const load = wanted.filter((name) => existsSync(join(modules, `mod_${name}.so`))).map((name) => `LoadModule ${name}_module ${join(modules, `mod_${name}.so`)}`);
  writeFileSync(
    join(home, "httpd.conf"),
    [
      ...load,
      `ServerName 127.0.0.1`, `Listen 127.0.0.1:${port}`, `PidFile ${join(home, "pid")}`, `ErrorLog ${join(home, "error.log")}`, `LogLevel crit`,
      ...(isRoot ? ["User nobody", "Group #65534"] : []),
      `TypesConfig /dev/null`, `DocumentRoot ${root}`, `DirectoryIndex index.html`, `<Directory ${root}>`, `Require all granted`, `</Directory>`,
      ...(behind ? [`ProxyPass / ${behind.url}/`, `ProxyPassReverse / ${behind.url}/`] : []),
      ...(cgi ? [`ScriptSock ${join(home, "cgi.sock")}`, `ScriptAlias /-cgi ${cgi}`, `<Directory ${dirname(cgi)}>`, `Require all granted`, `</Directory>`, `AddHandler run-php .php`, `Action run-php /-cgi`] : []),
      ``,
    ].join("\n"),
  );
  const name = behind ? `Apache httpd, then ${behind.name}` : cgi ? "Apache httpd with php-cgi" : "Apache httpd";
  return start(name, path, ["-d", home, "-f", join(home, "httpd.conf"), "-DFOREGROUND"], port, cgi ? { REDIRECT_STATUS: "1" } : {});
}

/** PHP's own server. @param {string} folder @param {string} root @returns {Promise<Running | undefined>} */
export async function php(folder, root) {
  const path = program("php");
  if (!path) return undefined;
  const port = await freePort();
  return start("PHP", path, ["-S", `127.0.0.1:${port}`, "-t", root], port);
}

/** node with Express's static files. @param {string} folder @param {string} root @returns {Promise<Running>} */
export async function node(folder, root) {
  const app = express();
  app.use(express.static(root));
  const server = createServer(app);
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  return {
    name: "node (Express)",
    url: `http://127.0.0.1:${port}`,
    version: process.version,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
