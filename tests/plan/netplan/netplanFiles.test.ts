import { describe, expect, it } from "vitest";
import type { SeenFile } from "../../../facts/record";
import { readNetplan } from "../../../plan/netplan/netplanFiles";
import { networkManagerConnection, UUID } from "../foreignFiles";
import { baseFile, cluster, freshFacts, netplanFile } from "../hosts";

const OWN = "/etc/netplan/40-cx7.yaml";
const [config] = cluster().hosts;

const BOTH_PORTS: ReadonlySet<string> = new Set(freshFacts(1).cx7.map(({ name }) => name));
const PORT_0: ReadonlySet<string> = new Set(["enp1s0f0np0", "enP2p1s0f0np0"]);

const read = (...netplanFiles: readonly SeenFile[]) => readCabled(BOTH_PORTS, ...netplanFiles);

/** On a host whose netdevs with these names are ends of the mesh's cables. */
function readCabled(cabled: ReadonlySet<string>, ...netplanFiles: readonly SeenFile[]) {
  if (!config) throw new Error("no host");
  const facts = { ...freshFacts(1), netplanFiles };
  const host = { kind: "reached", config, recorded: undefined, facts } as const;
  const { renderer, faults, migrated } = readNetplan(host, { netplanFile: OWN, migrate: false }, cabled);
  expect(migrated).toEqual([]);
  return { renderer, lines: faults.map(({ line }) => line) };
}
const ethernets = (text: string) => netplanFile("/etc/netplan/90-x.yaml", `network:\n  ethernets:\n    ${text}\n`);
const fault = (what: string, path = "/etc/netplan/90-x.yaml") => `spark-1: ${path}: ${what}`;
const offered = (netdevs: string) =>
  fault(
    `defines the CX7 ${netdevs}, which ${OWN} will define; set spark-mesh:network.migrate to true to have it moved out (destroy puts it back), or remove it there`,
  );

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

  it("is not a file's that another one hides: /run before /etc before /usr/lib", () => {
    const at = (folder: string) => netplanFile(`${folder}/01-base.yaml`, "network: { renderer: NetworkManager }\n");
    expect(read(at("/usr/lib/netplan")).renderer).toBe("NetworkManager");
    expect(read(baseFile("networkd"), at("/usr/lib/netplan")).renderer).toBe("networkd");
    expect(read(baseFile("networkd"), at("/run/netplan")).renderer).toBe("NetworkManager");
  });
});

describe("another file that defines CX7 netdevs", () => {
  it("is a fault by their names, with the offer to move them out", () => {
    expect(read(ethernets("enp1s0f0np0: { dhcp4: true }")).lines).toEqual([offered("netdev enp1s0f0np0")]);
    expect(read(ethernets("{ enp1s0f0np0: { mtu: 9000 }, enP7s7: {}, enP2p1s0f0np0: {} }")).lines).toEqual([
      offered("netdevs enp1s0f0np0, enP2p1s0f0np0"),
    ]);
  });

  it.each([
    ["a match on the name", "NM-1: { match: { name: enp1s0f0np0 } }", "NM-1"],
    ["a match under its own name", "enp1s0f0np0: { match: { name: enp1s0f0np0 } }", "enp1s0f0np0"],
    ["a glob", "any: { match: { name: 'enp1s0f0*' } }", "any"],
    ["a list of globs with a class", "any: { match: { name: [eth0, 'enp1s?f[0a-b]np0'] } }", "any"],
    ["a MAC", "any: { match: { macaddress: '02:00:00:00:01:00' } }", "any"],
    ["set-name", "any: { match: { macaddress: '02:00:00:00:99:99' }, set-name: enp1s0f0np0 }", "any"],
  ])("is a fault that stays: %s", (_, text, id) => {
    expect(read(ethernets(text)).lines).toEqual([
      fault(
        `ethernets.${id} matches the CX7 netdev enp1s0f0np0, which ${OWN} will define; narrow its match, or remove it there`,
      ),
    ]);
  });

  it("is a fault that stays by the driver, and for bonds, bridges and VLANs", () => {
    expect(read(ethernets("all: { match: { driver: 'mlx5*' } }")).lines).toEqual([
      expect.stringContaining("CX7 netdevs enp1s0f0np0, enP2p1s0f0np0, enp1s0f1np1, enP2p1s0f1np1,"),
    ]);
    const bridge =
      "network: { bridges: { br0: { interfaces: [enP2p1s0f1np1] } }, vlans: { v: { id: 1, link: enp1s0f1np1 } } }\n";
    const takes = (place: string, netdev: string) =>
      fault(`${place} takes the CX7 netdev ${netdev}, which ${OWN} will define; take it out there`);
    expect(read(netplanFile("/etc/netplan/90-x.yaml", bridge)).lines).toEqual([
      takes("bridges.br0", "enP2p1s0f1np1"),
      takes("vlans.v", "enp1s0f1np1"),
    ]);
  });

  it("is a fault that stays where NetworkManager keeps its connections", () => {
    const connection = networkManagerConnection("enp1s0f0np0", "192.168.177.11/24");
    expect(read(connection).lines).toEqual([
      fault(
        `is NetworkManager's own connection for the CX7 netdev enp1s0f0np0, which ${OWN} will define; delete it: nmcli connection delete uuid ${UUID}`,
        connection.path,
      ),
    ]);
    const nameless = netplanFile("/etc/netplan/90-NM-x.yaml", "network: { ethernets: { enp1s0f0np0: {} } }\n");
    expect(read(nameless).lines).toEqual([expect.stringMatching(/nmcli connection delete NAME$/)]);
  });

  it("is a fault that stays in a package's folder, and in a file whose name says more than netplan needs", () => {
    const text = "network: { ethernets: { enp1s0f0np0: {} } }\n";
    for (const path of ["/usr/lib/netplan/50-x.yaml", "/run/netplan/50-x.yaml", "/etc/netplan/50 x.yaml"]) {
      expect(read(netplanFile(path, text)).lines).toEqual([
        fault(
          `defines the CX7 netdev enp1s0f0np0, which ${OWN} will define; remove it there, only plain files in /etc/netplan are changed from here`,
          path,
        ),
      ]);
    }
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

it("names a file of the running system that hides ours", () => {
  expect(read(netplanFile("/run/netplan/40-cx7.yaml", "")).lines).toEqual([
    fault(`hides ${OWN}; remove it, or declare another spark-mesh:network.netplanFile`, "/run/netplan/40-cx7.yaml"),
  ]);
  expect(read(netplanFile("/usr/lib/netplan/40-cx7.yaml", "")).lines).toEqual([]);
});

describe("a netdev that is no end of the mesh's cables", () => {
  const other = (text: string) => netplanFile("/etc/netplan/90-x.yaml", text);

  it("may be defined, matched, taken and connected by whoever has it", () => {
    const texts = [
      "network: { ethernets: { enp1s0f1np1: { addresses: [172.30.9.1/24], mtu: 1500 } } }\n",
      "network: { ethernets: { any: { match: { name: 'enp1s0f1*' } } } }\n",
      "network: { bonds: { b: { interfaces: [enP2p1s0f1np1] } } }\n",
    ];
    expect(texts.flatMap((text) => readCabled(PORT_0, other(text)).lines)).toEqual([]);
    expect(readCabled(PORT_0, networkManagerConnection("enp1s0f1np1", "172.30.9.1/24")).lines).toEqual([]);
  });

  it("isn't named beside one that is", () => {
    const text = "network: { ethernets: { enp1s0f0np0: {}, enp1s0f1np1: {} } }\n";
    expect(readCabled(PORT_0, other(text)).lines).toEqual([offered("netdev enp1s0f0np0")]);
    expect(readCabled(PORT_0, other("network: { ethernets: { any: { match: { name: en*p* } } } }\n")).lines).toEqual([
      expect.stringContaining("matches the CX7 netdevs enp1s0f0np0, enP2p1s0f0np0,"),
    ]);
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

  it("is named in the place of our own file too: it may define what is others'", () => {
    expect(read(netplanFile(OWN, "network: [\n")).lines).toEqual([
      expect.stringMatching(
        /^spark-1: \/etc\/netplan\/40-cx7\.yaml: malformed YAML in line 2 \(.+\); correct it, or remove/,
      ),
    ]);
  });
});
