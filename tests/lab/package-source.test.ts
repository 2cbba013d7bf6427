import { expect, test } from "vitest";
import { chooseSource, parseRelease } from "../../lab/hosts/package-source";

const debian = { id: "debian", codename: "bookworm" };

test("reads os-release with and without quotes", () => {
  expect(parseRelease('NAME="Ubuntu"\nID=ubuntu\nVERSION_CODENAME="noble"\n')).toEqual({
    id: "ubuntu",
    codename: "noble",
  });
});

test("takes the distribution's own archive from a .sources file, not its security or a stranger's", () => {
  const text = `Types: deb
# a note
URIs: http://one.example/debian-security
Suites: bookworm-security
Components: main

Types: deb
URIs: http://two.example/debian
Suites: bookworm bookworm-updates
Components: main
`;
  const stranger = "Types: deb\nURIs: https://node.example\nSuites: nodistro\nComponents: main\n";
  const source = chooseSource(debian, [
    { path: "/etc/apt/sources.list.d/a.sources", text: stranger },
    { path: "/etc/apt/sources.list.d/debian.sources", text },
  ]);
  expect(source).toMatchObject({ mirror: "http://two.example/debian", suite: "trixie", components: "main" });
});

test("reads one-line sources and makes noble on Ubuntu", () => {
  const text =
    "# deb http://old.example noble main\ndeb [arch=amd64 signed-by=/k] http://one.example/ubuntu jammy main\n";
  const source = chooseSource({ id: "ubuntu", codename: "jammy" }, [{ path: "/etc/apt/sources.list", text }]);
  expect(source).toMatchObject({ mirror: "http://one.example/ubuntu", suite: "noble", components: "main,universe" });
});

test("leaves disabled and source-code entries out", () => {
  const text = `Enabled: no
Types: deb
URIs: http://off.example
Suites: bookworm

Types: deb-src
URIs: http://source.example
Suites: bookworm
`;
  expect(() => chooseSource(debian, [{ path: "a.sources", text }])).toThrow("found no apt source for bookworm");
});

test("names a system that it can't make hosts for", () => {
  expect(() => chooseSource({ id: "fedora", codename: "" }, [])).toThrow("found fedora, wanted Debian or Ubuntu");
});
