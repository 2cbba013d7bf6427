import { createCipheriv, createDecipheriv, randomBytes, scryptSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { Fault } from "./values";

const keys = new Map<string, Buffer>();
/** Of everything that this process encrypts. */
const ownSalt = randomBytes(16);

/** Text as it may lie in a file: AES-256-GCM by a key from the passphrase in the environment, as the CLI takes it. */
export function encrypt(text: string): string {
  const nonce = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", key(ownSalt), nonce);
  const sealed = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
  return [ownSalt, nonce, cipher.getAuthTag(), sealed].map((part) => part.toString("base64")).join(":");
}

/** Undoes `encrypt`; a Fault where the passphrase is another. */
export function decrypt(text: string): string {
  const [salt, nonce, tag, sealed] = text.split(":").map((part) => Buffer.from(part, "base64"));
  if (!salt || !nonce || !tag || !sealed) throw new Fault("lab engine: not a text that this engine encrypted");
  const cipher = createDecipheriv("aes-256-gcm", key(salt), nonce).setAuthTag(tag);
  try {
    return cipher.update(sealed, undefined, "utf8") + cipher.final("utf8");
  } catch {
    throw new Fault("incorrect passphrase");
  }
}

/** Derived once for each salt: that takes a twentieth of a second. */
function key(salt: Buffer): Buffer {
  const name = salt.toString("hex");
  const known = keys.get(name) ?? scryptSync(passphrase(), salt, 32);
  keys.set(name, known);
  return known;
}

function passphrase(): string {
  const { PULUMI_CONFIG_PASSPHRASE: text, PULUMI_CONFIG_PASSPHRASE_FILE: file } = process.env;
  if (text !== undefined) return text;
  if (file) return readFileSync(file, "utf8").trim();
  throw new Fault("passphrase must be set with PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE");
}
