// Postern, with the rules of gateway.toml. An upgrade never changes this file: entrypoints of your own can stand here too.
import gatewayRules from "./.postern/gateway.mjs"; // made from gateway.toml by `npx postern build`

globalThis.posternGatewayRules = gatewayRules;

export { default } from "postern-worker";
export * from "postern-worker";
