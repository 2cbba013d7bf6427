import { createCipheriv, createDecipheriv, randomBytes, scryptSync } from "node:crypto";
import { readFileSync } from "node:fs";

/** A value as it may lie in a file: AES-256-GCM by a key from the passphrase in the environment, as the CLI takes it. */
export function encrypt(value: unknown): string {
  const nonce = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", key(), nonce);
  const sealed = [nonce, cipher.update(JSON.stringify(value)), cipher.final(), cipher.getAuthTag()];
  return Buffer.concat(sealed).toString("base64");
}

/** Undoes `encrypt`; an Error where the passphrase is another. */
export function decrypt<T>(text: string): T {
  const sealed = Buffer.from(text, "base64");
  const decipher = createDecipheriv("aes-256-gcm", key(), sealed.subarray(0, 12)).setAuthTag(sealed.subarray(-16));
  try {
    return JSON.parse(decipher.update(sealed.subarray(12, -16), undefined, "utf8") + decipher.final("utf8"));
  } catch {
    throw new Error("incorrect passphrase");
  }
}

let derived: Buffer | undefined;

/** Derived once, since that takes a twentieth of a second; hence one salt for all. */
function key(): Buffer {
  const { PULUMI_CONFIG_PASSPHRASE: text, PULUMI_CONFIG_PASSPHRASE_FILE: file } = process.env;
  const passphrase = text ?? (file ? readFileSync(file, "utf8").trim() : undefined);
  if (passphrase === undefined) throw new Error("passphrase must be set with PULUMI_CONFIG_PASSPHRASE or its _FILE");
  derived ??= scryptSync(passphrase, "lab engine", 32);
  return derived;
}
