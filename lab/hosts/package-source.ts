/** Where the machine's own apt gets its packages from; virtual Sparks get theirs from the same place. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface PackageSource {
  readonly mirror: string;
  readonly suite: string;
  readonly components: string;
  readonly keyring?: string;
}

interface AptEntry {
  readonly uri: string;
  readonly suites: readonly string[];
}

/** The distributions that a control machine may be, and what its virtual Sparks are then. */
const distributions = {
  debian: { suite: "trixie", components: "main", keyring: "/usr/share/keyrings/debian-archive-keyring.gpg" },
  ubuntu: { suite: "noble", components: "main,universe", keyring: "/usr/share/keyrings/ubuntu-archive-keyring.gpg" },
} as const;

/** Reads this machine's apt sources. */
export function packageSource(): PackageSource {
  const release = parseRelease(readFileSync("/etc/os-release", "utf8"));
  const folder = "/etc/apt/sources.list.d";
  const files = [
    "/etc/apt/sources.list",
    ...(existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : []),
  ];
  const texts = files.filter(existsSync).map((path) => ({ path, text: readFileSync(path, "utf8") }));
  const source = chooseSource(release, texts);
  const { keyring, ...rest } = source;
  return keyring !== undefined && existsSync(keyring) ? source : rest;
}

/** Chooses the distribution's own archive among apt's source files. */
export function chooseSource(
  release: { id: string; codename: string },
  files: readonly { path: string; text: string }[],
): PackageSource {
  if (release.id !== "debian" && release.id !== "ubuntu") {
    throw new Error(`control machine: found ${release.id || "an unknown system"}, wanted Debian or Ubuntu`);
  }
  const entries = files.flatMap(({ path, text }) =>
    path.endsWith(".sources") ? parseDeb822(text) : path.endsWith(".list") ? parseOneLine(text) : [],
  );
  const entry = entries.find(({ suites }) => suites.includes(release.codename));
  if (entry === undefined) {
    throw new Error(
      `control machine: found no apt source for ${release.codename}, wanted one in /etc/apt; add the distribution's archive`,
    );
  }
  return { mirror: entry.uri, ...distributions[release.id] };
}

/** The parts of /etc/os-release that matter here. */
export function parseRelease(text: string): { id: string; codename: string } {
  const value = (key: string) => text.match(new RegExp(`^${key}="?([^"\n]*)"?$`, "m"))?.[1] ?? "";
  return { id: value("ID"), codename: value("VERSION_CODENAME") };
}

function parseDeb822(text: string): AptEntry[] {
  const lines = text.split("\n").filter((line) => !line.startsWith("#"));
  return lines
    .join("\n")
    .split(/\n\s*\n/)
    .flatMap((stanza) => {
      const words = (key: string) =>
        stanza
          .match(new RegExp(`^${key}:(.*)$`, "mi"))?.[1]
          ?.trim()
          .split(/\s+/) ?? [];
      const enabled = words("Enabled")[0] !== "no" && words("Types").includes("deb");
      return enabled ? words("URIs").map((uri) => ({ uri, suites: words("Suites") })) : [];
    });
}

function parseOneLine(text: string): AptEntry[] {
  return text.split("\n").flatMap((line) => {
    const match = /^deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)/.exec(line.trim());
    const [, uri, suite] = match ?? [];
    return uri === undefined || suite === undefined ? [] : [{ uri, suites: [suite] }];
  });
}
