import { constants } from "node:fs";
import { open } from "node:fs/promises";

/** What a key file turned out to be; `fault` says why apply couldn't use it, and what to do. */
export type KeyFile =
  | { readonly kind: "usable"; readonly text: string }
  /** Its public half, in SSH's wire format, where the file shows it in clear. */
  | { readonly kind: "passphrase"; readonly publicKey?: Buffer }
  | { readonly kind: "fault"; readonly fault: string };

const openSshMagic = "openssh-key-v1\0";

/** Cipher and public key of OpenSSH's own key format, both of which it holds in clear. */
function openSshHeader(text: string): { cipher: string; publicKey: Buffer } | undefined {
  const body = /-----BEGIN OPENSSH PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END/.exec(text)?.[1];
  const bytes = Buffer.from(body ?? "", "base64");
  if (bytes.subarray(0, openSshMagic.length).toString("latin1") !== openSshMagic) return undefined;
  let offset = openSshMagic.length;
  const field = (): Buffer => {
    const start = offset + 4;
    offset = start + bytes.readUInt32BE(offset);
    return bytes.subarray(start, offset);
  };
  try {
    const cipher = field().toString("latin1");
    field();
    field();
    // The number of keys, always one.
    offset += 4;
    return { cipher, publicKey: Buffer.from(field()) };
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function judged(path: string, text: string): KeyFile {
  if (text.includes("BEGIN OPENSSH PRIVATE KEY")) {
    const header = openSshHeader(text);
    if (header === undefined) return { kind: "fault", fault: `${path} is damaged; give another identityFile` };
    return header.cipher === "none" ? { kind: "usable", text } : { kind: "passphrase", publicKey: header.publicKey };
  }
  if (/Proc-Type: 4,ENCRYPTED|BEGIN ENCRYPTED PRIVATE KEY/.test(text)) return { kind: "passphrase" };
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text)) return { kind: "usable", text };
  const found = /^(ssh-|ecdsa-|sk-)/.test(text) ? "a public key" : "no key that OpenSSH wrote";
  return { kind: "fault", fault: `${path} holds ${found}; identityFile must name a private key` };
}

/** Reads a private key and says whether it can be used without asking anybody anything. */
export async function readKeyFile(path: string): Promise<KeyFile> {
  try {
    const file = await open(path, constants.O_RDONLY);
    try {
      const { mode, size } = await file.stat();
      // ssh itself passes over such a key, so facts could do less than apply.
      if ((mode & 0o077) !== 0)
        return { kind: "fault", fault: `${path} can be read by others; run: chmod 600 ${path}` };
      if (size > 65536) return { kind: "fault", fault: `${path} is too long for a private key (${size} bytes)` };
      return judged(path, await file.readFile("utf8"));
    } finally {
      await file.close();
    }
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    const why = code === "ENOENT" ? "is missing" : code === "EACCES" ? "can't be read by this user" : "can't be read";
    return { kind: "fault", fault: `the key file ${path} ${why}; give another identityFile, or use ssh-agent` };
  }
}
