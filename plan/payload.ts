import { gzipSync } from "node:zlib";

/** What travels to a host in the stdin of every operation, behind the loader. */
export interface StdinParts {
  /** Only where sudo asks. Secret. */
  readonly sudoPassword?: string | undefined;
  /** As packPayload or a host's record gave it. */
  readonly payload: string;
  /** Ids of staged transactions with spaces between them: none for stage, all hosts' for verify, the host's own for commit. */
  readonly transactions: string;
}

/**
 * Packs the scripts' program and a host's document, which the program reads from its own stdin: base64 of a
 * gzip, one line. The same texts give the same payload.
 */
export function packPayload({ program }: { readonly program: string }, document: string): string {
  // A twentieth more bytes than at the highest level, in half the time.
  const packed = gzipSync(`${program}${document}`, { level: 4 });
  // The tenth byte names the operating system that packed it; 255 is "unknown", so that all control machines agree.
  packed[9] = 255;
  return packed.toString("base64");
}

/**
 * The stdin of one operation: the loader, which ends with a newline, then the lines of password, payload and transactions.
 *
 * @throws Error if a part would break out of its line; it never shows the password.
 */
export function renderStdin(loader: string, { sudoPassword = "", payload, transactions }: StdinParts): string {
  if (/[\r\n\0]/.test(sudoPassword)) throw new Error("the sudo password has a line break in it; sudo reads one line");
  if (!/^[A-Za-z0-9+/]+=*$/.test(payload)) throw new Error("the payload is not base64");
  if (!/^[A-Za-z0-9 -]*$/.test(transactions)) throw new Error(`found transactions ${JSON.stringify(transactions)}`);
  return `${loader}${sudoPassword}\n${payload}\n${transactions}\n`;
}
