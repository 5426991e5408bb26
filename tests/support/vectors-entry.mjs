// Postern, for test vectors whose message is no token. A claim `message`, in hexadecimal, stands for what was signed; only
// what WebCrypto is asked to verify is replaced, so key, algorithm, parameters and signature are those that Postern chose.
import "./vectors-message.mjs";
export * from "../../src/entry.mjs";
export { default } from "../../src/entry.mjs";
