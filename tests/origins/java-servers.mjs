// @ts-check
// Tomcat and Jetty as origins, each with its own way to serve files.
import { cpSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { freePort, program, start } from "./server.mjs";

/** @typedef {import("./server.mjs").Running} Running */

const environment = (/** @type {string} */ name) => (process.env[name] ? [/** @type {string} */ (process.env[name])] : []);

/** @param {string} folder @param {string} root @returns {Promise<Running | undefined>} */
export async function tomcat(folder, root) {
  const java = program("java");
  const versions = ["11", "10", "9", ""].flatMap((version) => [`/usr/share/tomcat${version}`, `/opt/tomcat${version}`]);
  const home = [...environment("CATALINA_HOME"), ...versions].find((path) => existsSync(join(path, "bin", "bootstrap.jar")));
  if (!java || !home) return undefined;
  const port = await freePort();
  const base = join(folder, "tomcat");
  for (const name of ["conf", "logs", "temp", "work", "webapps"]) mkdirSync(join(base, name), { recursive: true });
  cpSync(root, join(base, "webapps", "ROOT"), { recursive: true });
  writeFileSync(
    join(base, "conf", "server.xml"),
    `<Server port="-1"><Service name="Catalina"><Connector address="127.0.0.1" port="${port}" protocol="HTTP/1.1"/>
<Engine name="Catalina" defaultHost="localhost"><Host name="localhost" appBase="webapps" autoDeploy="false"/></Engine></Service></Server>
`,
  );
  writeFileSync(
    join(base, "conf", "web.xml"),
    `<web-app xmlns="https://jakarta.ee/xml/ns/jakartaee" version="5.0">
<servlet><servlet-name>default</servlet-name><servlet-class>org.apache.catalina.servlets.DefaultServlet</servlet-class></servlet>
<servlet-mapping><servlet-name>default</servlet-name><url-pattern>/</url-pattern></servlet-mapping>
<welcome-file-list><welcome-file>index.html</welcome-file></welcome-file-list></web-app>
`,
  );
  const jars = ["bootstrap.jar", "tomcat-juli.jar"].map((name) => join(home, "bin", name)).join(delimiter);
  return start("Tomcat", java, ["-cp", jars, `-Dcatalina.home=${home}`, `-Dcatalina.base=${base}`, `-Djava.io.tmpdir=${join(base, "temp")}`, "org.apache.catalina.startup.Bootstrap", "start"], port);
}

/** Jetty 9 to 11, by its jars. @param {string} folder @param {string} root @returns {Promise<Running | undefined>} */
export async function jetty(folder, root) {
  const java = program("java");
  const places = [...environment("JETTY_HOME").map((home) => join(home, "lib")), "/usr/share/jetty9/lib", "/opt/jetty/lib", "/usr/share/java"].filter(existsSync);
  const jarsOf = (/** @type {string} */ place) => {
    const names = readdirSync(place).filter((name) => /^(jetty9?-(server|http|io|util|xml)|(jetty-)?(jakarta-|javax\.)?servlet-api)(-\d[\w.]*)?\.jar$/.test(name));
    const logging = join(place, "logging");
    const more = existsSync(logging) ? readdirSync(logging).map((name) => join("logging", name)) : [];
    return [...names, ...more].map((name) => join(place, name));
  };
  const jars = places.map(jarsOf).find((found) => ["server", "xml"].every((part) => found.some((name) => name.includes(`-${part}`))));
  if (!java || !jars) return undefined;
  const port = await freePort();
  const file = join(folder, "jetty.xml");
  writeFileSync(
    file,
    `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE Configure PUBLIC "-//Jetty//Configure//EN" "https://www.eclipse.org/jetty/configure_9_3.dtd">
<Configure id="Server" class="org.eclipse.jetty.server.Server">
<Call name="addConnector"><Arg><New class="org.eclipse.jetty.server.ServerConnector"><Arg><Ref refid="Server"/></Arg>
<Set name="host">127.0.0.1</Set><Set name="port">${port}</Set></New></Arg></Call>
<Set name="handler"><New class="org.eclipse.jetty.server.handler.ResourceHandler"><Set name="resourceBase">${root}</Set></New></Set></Configure>
`,
  );
  return start("Jetty", java, ["-cp", jars.join(delimiter), "org.eclipse.jetty.xml.XmlConfiguration", file], port);
}
