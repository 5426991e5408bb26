// @ts-check
// Backup and restore of the key ring. The file is a JWE (RFC 7516) that the deployment sealed to the operator's public key; to restore
// it, the key of its content is opened here with the private key and wrapped anew for the deployment. So neither the keys
// nor the private key travel, and the content is opened by the deployment alone.
import { constants, createHash, createPrivateKey, createPublicKey, privateDecrypt, publicEncrypt } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { NotThere } from "./admin-api.mjs";
import { StepFailed, say } from "./process.mjs";

/** @typedef {ReturnType<typeof import("./admin-api.mjs").adminApi>} Api */

const OAEP = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha256" };

/** @param {Api} api @param {string} file @param {string | undefined} key path of a PEM file */
export async function backUpKeys(api, file, key) {
  const publicKey = keyOf(key, "public");
  const body = { publicKey: publicKey.export({ format: "jwk" }) };
  const { backup } = await asked(api, { path: "/postern/keys/backup", body }, publicKey);
  try {
    writeFileSync(file, `${backup}\n`, { flag: "wx", mode: 0o600 });
  } catch (error) {
    throw new StepFailed(`${file} cannot be written: ${/** @type {any} */ (error).code}`);
  }
  say("Keep the digest apart from the file: whoever could exchange the file could hand you keys of their own.");
  return told(backup);
}

/** @param {Api} api @param {string} file @param {string | undefined} key path of a PEM file @param {boolean} replace */
export async function restoreKeys(api, file, key, replace) {
  const backup = text(file).trim();
  const privateKey = keyOf(key, "private");
  const [header = "", wrapped = "", ...rest] = backup.split(".");
  if (rest.length !== 3) throw new StepFailed(`${file} is no backup of a key ring`);
  let contentKey;
  try {
    contentKey = privateDecrypt({ key: privateKey, ...OAEP }, Buffer.from(wrapped, "base64url"));
  } catch {
    throw new StepFailed(`${file} is damaged, or sealed to another key`);
  }
  // As of a wrong key: with some OpenSSL the wrong key gives random bytes and no error.
  if (contentKey.length !== 32) throw new StepFailed(`${file} is damaged, or sealed to another key`);
  const { publicKey } = await asked(api, { path: "/postern/keys/restore-key" }, createPublicKey(privateKey));
  const recipient = createPublicKey({ key: publicKey, format: "jwk" });
  const again = publicEncrypt({ key: recipient, ...OAEP }, contentKey).toString("base64url");
  const { restored } = await asked(api, { path: "/postern/keys/restore", body: { backup: [header, again, ...rest].join("."), replace } }, createPublicKey(privateKey));
  return { restored, ...told(backup) };
}

/**
 * What the deployment answers; where it does not know the key, which setting lacks it.
 * @param {Api} api @param {{path: string, body?: object}} question @param {import("node:crypto").KeyObject} publicKey
 */
async function asked(api, question, publicKey) {
  try {
    return await api.ask({ method: "POST", ...question });
  } catch (error) {
    const setting = `KEY_BACKUP_KEY = "${thumbprint(publicKey)}" (docs/keys.md)`;
    if (error instanceof NotThere) throw new StepFailed(`there is no backup and no restore there: this key needs the setting ${setting}`);
    if (error instanceof StepFailed && error.message.includes("KEY_BACKUP_KEY")) throw new StepFailed(`${error.message}; this key needs the setting ${setting}`);
    throw error;
  }
}

/** RFC 7638. @param {import("node:crypto").KeyObject} publicKey */
function thumbprint(publicKey) {
  const { e, kty, n } = publicKey.export({ format: "jwk" });
  return createHash("sha256").update(JSON.stringify({ e, kty, n })).digest("base64url");
}

/** What can be said of a backup without its key. @param {string} backup */
function told(backup) {
  const { iat } = JSON.parse(Buffer.from(backup.split(".")[0] ?? "", "base64url").toString());
  return { made: new Date(iat * 1000).toISOString(), sha256: createHash("sha256").update(backup).digest("hex") };
}

/** @param {string | undefined} file @param {"public" | "private"} part */
function keyOf(file, part) {
  if (!file) throw new StepFailed(`--key FILE is needed: the ${part} part of an RSA key (docs/keys.md)`);
  const pem = text(file);
  if (part === "public" && /PRIVATE KEY/.test(pem)) throw new StepFailed(`${file} is a private key, which has no business here: give the public one`);
  try {
    const passphrase = process.env.POSTERN_BACKUP_PASSPHRASE;
    const key = part === "public" ? createPublicKey(pem) : createPrivateKey({ key: pem, ...(passphrase && { passphrase }) });
    if (key.asymmetricKeyType === "rsa") return key;
  } catch {
    // Said below.
  }
  throw new StepFailed(`${file} is no ${part} RSA key in PEM form${part === "private" ? ", or POSTERN_BACKUP_PASSPHRASE does not open it" : ""}`);
}

/** @param {string} file */
function text(file) {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new StepFailed(`${file} cannot be read: ${/** @type {any} */ (error).code}`);
  }
}
