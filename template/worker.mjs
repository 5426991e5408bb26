// Postern, with the rules of gateway.toml and the trusted issuers of issuers.toml. An upgrade never changes this file: entrypoints of your own can stand here too.
import gatewayRules from "./.postern/gateway.mjs"; // made from gateway.toml by `npx postern build`
import issuers from "./.postern/issuers.mjs"; // made from issuers.toml

globalThis.posternGatewayRules = gatewayRules;
globalThis.posternIssuers = issuers;

export { default } from "postern-worker";
export * from "postern-worker";
