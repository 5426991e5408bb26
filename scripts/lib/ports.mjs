// @ts-check
// Ports of this machine.
import { createServer } from "node:net";

/** A port that nothing listens on. @returns {Promise<number>} */
export const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" ? (address?.port ?? 0) : 0));
    });
  });

/** Whether something listens there already; what else may be wrong with the address is not asked. @param {string} host @param {number} port @returns {Promise<boolean>} */
export const isTaken = (host, port) =>
  new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error) => resolve("code" in error && error.code === "EADDRINUSE"));
    server.listen(port, host, () => server.close(() => resolve(false)));
  });
