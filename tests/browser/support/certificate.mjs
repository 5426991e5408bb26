// @ts-check
// A self-signed certificate for loopback servers, made anew for each run: the browser is told to accept any.
import { generateKeyPairSync, sign } from "node:crypto";

/** @param {number} tag @param {Buffer[]} parts DER: tag, length, contents */
function der(tag, ...parts) {
  const contents = Buffer.concat(parts);
  const { length } = contents;
  const header = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...header]), contents]);
}

const sequence = (/** @type {Buffer[]} */ ...parts) => der(0x30, ...parts);
const oid = (/** @type {string} */ hex) => der(0x06, Buffer.from(hex, "hex"));
const time = (/** @type {number} */ at) =>
  der(0x18, Buffer.from(new Date(at).toISOString().replace(/[-:T]|\.\d{3}/g, "")));

/** @returns {{key: string, cert: string}} in PEM */
export function selfSigned() {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const ecdsaWithSha256 = sequence(oid("2a8648ce3d040302"));
  const commonName = sequence(der(0x31, sequence(oid("550403"), der(0x0c, Buffer.from("loopback test")))));
  const day = 86_400_000;
  const toBeSigned = sequence(
    der(0x02, Buffer.from([1])),
    ecdsaWithSha256,
    commonName,
    sequence(time(Date.now() - day), time(Date.now() + day)),
    commonName,
    publicKey.export({ type: "spki", format: "der" }),
  );
  const signature = der(0x03, Buffer.from([0]), sign("sha256", toBeSigned, privateKey));
  const certificate = sequence(toBeSigned, ecdsaWithSha256, signature).toString("base64").match(/.{1,64}/g)?.join("\n");
  return {
    key: /** @type {string} */ (privateKey.export({ type: "pkcs8", format: "pem" })),
    cert: `-----BEGIN CERTIFICATE-----\n${certificate}\n-----END CERTIFICATE-----\n`,
  };
}
