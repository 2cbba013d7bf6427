import { describe, expect, it } from "vitest";
import type { NetplanFileFact } from "../../facts/hostFacts";
import { readNetplan } from "../../plan/netplanFiles";
import { baseFile, cluster, freshFacts, netplanFile } from "./hosts";

const OWN = "/etc/netplan/40-cx7.yaml";
const [config = cluster().hosts[0]] = cluster().hosts;

function read(...netplanFiles: readonly NetplanFileFact[]) {
  if (!config) throw new Error("no host");
  const facts = { ...freshFacts(1), netplanFiles };
  const { renderer, faults } = readNetplan({ kind: "reached", config, recorded: undefined, facts }, OWN);
  return { renderer, lines: faults.map(({ line }) => line) };
}
const ethernets = (text: string) => netplanFile("/etc/netplan/90-x.yaml", `network:\n  ethernets:\n    ${text}\n`);
const defines = (netdev: string, path = "/etc/netplan/90-x.yaml") =>
  `spark-1: ${path}: defines the CX7 netdev ${netdev}, which ${OWN} will define; remove it there, or move that file away`;

describe("the renderer", () => {
  it("is networkd where no file says otherwise", () => {
    expect(read().renderer).toBe("networkd");
    expect(read(netplanFile("/etc/netplan/01-empty.yaml", "")).renderer).toBe("networkd");
  });

  it("is the last one by file name, whatever the folder, and never our own file's", () => {
    expect(read(baseFile("NetworkManager"), ethernets("eth0: {}")).renderer).toBe("NetworkManager");
    const late = (renderer: string) => netplanFile("/run/netplan/99-late.yaml", `network: { renderer: ${renderer} }\n`);
    expect(read(late("NetworkManager"), baseFile("networkd")).renderer).toBe("NetworkManager");
    expect(read(late("networkd"), baseFile("NetworkManager")).renderer).toBe("networkd");
    expect(read(netplanFile(OWN, "network: { renderer: networkd }\n"), baseFile("NetworkManager")).renderer).toBe(
      "NetworkManager",
    );
  });

  it("is not a file's that a later folder hides", () => {
    const hidden = netplanFile("/usr/lib/netplan/01-base.yaml", "network: { renderer: NetworkManager }\n");
    expect(read(baseFile("networkd"), hidden).renderer).toBe("networkd");
    expect(read(hidden).renderer).toBe("NetworkManager");
  });
});

describe("another file that defines a CX7 netdev", () => {
  it.each([
    ["by name", "enp1s0f0np0: { dhcp4: true }"],
    ["by a match on the name", "NM-1: { match: { name: enp1s0f0np0 } }"],
    ["by a glob", "any: { match: { name: 'enp1s0f0*' } }"],
    ["by a list of globs with a class", "any: { match: { name: [eth0, 'enp1s?f[0a-b]np0'] } }"],
    ["by MAC", "any: { match: { macaddress: '02:00:00:00:01:00' } }"],
    ["by set-name", "any: { match: { macaddress: '02:00:00:00:99:99' }, set-name: enp1s0f0np0 }"],
  ])("is a fault: %s", (_, text) => {
    expect(read(ethernets(text)).lines).toEqual([defines("enp1s0f0np0")]);
  });

  it("is a fault by the driver, and for bonds, bridges and VLANs", () => {
    expect(read(ethernets("all: { match: { driver: 'mlx5*' } }")).lines).toHaveLength(4);
    const bridge =
      "network: { bridges: { br0: { interfaces: [enP2p1s0f1np1] } }, vlans: { v: { id: 1, link: enp1s0f1np1 } } }\n";
    expect(read(netplanFile("/etc/netplan/90-x.yaml", bridge)).lines).toEqual([
      defines("enp1s0f1np1"),
      defines("enP2p1s0f1np1"),
    ]);
  });

  it("is none where it defines something else", () => {
    const texts = [
      "enP7s7: { dhcp4: true }",
      "any: { match: {} }",
      "enp1s0f0np0: { match: { name: eth0 } }",
      "any: { match: { name: 'enp1s0f[2-9]*' } }",
      "any: { match: { name: 'enp1s0f0np' } }",
    ];
    expect(texts.flatMap((text) => read(ethernets(text)).lines)).toEqual([]);
    expect(read(netplanFile(OWN, "network: { ethernets: { enp1s0f0np0: {} } }\n")).lines).toEqual([]);
  });

  it("is found in bounded time, whatever the glob", () => {
    const started = performance.now();
    read(ethernets(`any: { match: { name: '${"*a".repeat(2000)}' } }`));
    expect(performance.now() - started).toBeLessThan(2000);
  });
});

describe("malformed YAML", () => {
  it("is named with its file and line", () => {
    const text = "network:\n  ethernets:\n    eth0: [\n  version: 2\n";
    expect(read(netplanFile("/etc/netplan/99-broken.yaml", text)).lines).toEqual([
      expect.stringMatching(
        /^spark-1: \/etc\/netplan\/99-broken.yaml: malformed YAML in line 4 \(.+\); correct it, netplan refuses to apply anything beside it$/,
      ),
    ]);
    expect(read(netplanFile("/etc/netplan/99-tab.yaml", "network:\n\tversion: 2\n")).lines[0]).toMatch(/in line 2/);
    expect(read(netplanFile("/etc/netplan/99-list.yaml", "- 1\n")).lines[0]).toMatch(/line 1 \(not a mapping\)/);
  });

  it("does not matter in our own file, which is replaced", () => {
    expect(read(netplanFile(OWN, "network: [\n")).lines).toEqual([]);
  });
});
