import { printable } from "../config/printable";
import type { Difference } from "./plan";

const MAX_FOUND_LENGTH = 120;

/** A difference before it is said whose and of what. */
export type Finding = Pick<Difference, "property" | "found" | "wanted">;

/** Findings as differences of one object on a host; what was found there is cut and made printable. */
export function differencesAbout(host: string, object: string, findings: readonly Finding[]): readonly Difference[] {
  return findings.map(({ property, found, wanted }) => ({
    host,
    object,
    property,
    found: printable(found).slice(0, MAX_FOUND_LENGTH),
    wanted,
  }));
}

/** One line, host first, as a preview says it. */
export function differenceText({ host, object, property, found, wanted }: Difference): string {
  return printable(`${host}: ${object}: ${property}: found ${found}, wanted ${wanted}`);
}
