const POWERS: Readonly<Record<string, number>> = { b: 0, k: 1, m: 2, g: 3, t: 4 };

/** A size as Docker reads one, with its unit: a number alone is bytes to Docker, and a slip to everybody else. */
export const SIZE = /^\d+(\.\d+)?(b|[kmgt](i?b)?)$/i;

/** Bytes of a `SIZE`. Docker's units are powers of 1024, however they are written. */
export function bytesOf(size: string): number {
  const unit = size
    .replace(/^[\d.]+/, "")
    .charAt(0)
    .toLowerCase();
  return Number.parseFloat(size) * 1024 ** (POWERS[unit] ?? 0);
}
