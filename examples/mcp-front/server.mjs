// An MCP server that knows nothing of OAuth: Postern stands in front, and tells who asks.
import { createServer } from "node:http";
import { pathToFileURL } from "node:url";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";

/** Who asks, as Postern says. Only Postern may reach this server: it takes these headers from nobody else. */
const asker = ({ headers }) => ({
  issuer: headers["postern-issuer"] ?? "own",
  subject: headers["postern-subject"] ?? headers["postern-user-id"],
});

function server(who) {
  const mcp = new McpServer({ name: "mcp-front", version: "1.0.0" });
  mcp.registerTool("whoami", { description: "Tells who you are" }, () => ({ content: [{ type: "text", text: JSON.stringify(who) }] }));
  return mcp;
}

/** Starts it on a port of loopback; 0 = any. */
export async function start(port = 0) {
  const http = createServer(async (request, response) => {
    // Stateless: each request has a server of its own, which knows its asker.
    const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined });
    response.on("close", () => transport.close());
    await server(asker(request)).connect(transport);
    await transport.handleRequest(request, response);
  });
  await new Promise((resolve) => http.listen(port, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${http.address().port}`, close: () => (http.closeAllConnections(), http.close()) };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) console.log((await start(9000)).url);
