import { expect, it } from "vitest";
import type { SeenFile } from "../../../facts/record";
import { readNetplan } from "../../../plan/netplan/netplanFiles";
import { networkManagerConnection, nvidiaSync, sparkrun, sparkVllmDocker } from "../foreignFiles";
import { baseFile, cluster, freshFacts, netplanFile } from "../hosts";

const [config] = cluster().hosts;

const migrate = (...netplanFiles: readonly SeenFile[]) => migrateBeside([], ...netplanFiles);

/**
 * With `network.migrate`, and a file of ours that nobody else uses.
 *
 * @param free names of CX7 netdevs that are no ends of the mesh's cables.
 */
function migrateBeside(free: readonly string[], ...netplanFiles: readonly SeenFile[]) {
  if (!config) throw new Error("no host");
  const facts = { ...freshFacts(1), netplanFiles };
  const host = { kind: "reached", config, recorded: undefined, facts } as const;
  const cabled = new Set(facts.cx7.map(({ name }) => name).filter((name) => !free.includes(name)));
  const own = { netplanFile: "/etc/netplan/45-own.yaml", migrate: true };
  const { renderer, faults, migrated } = readNetplan(host, own, cabled);
  for (const { path, before } of migrated) expect(before).toBe(netplanFiles.find((file) => file.path === path)?.text);
  return {
    renderer,
    lines: faults.map(({ line }) => line),
    migrated: migrated.map(({ path, text }) => ({ path, text })),
  };
}

const PORT_0 = { enp1s0f0np0: "192.168.177.11/24", enP2p1s0f0np0: "192.168.178.11/24" };

it("removes a file that nothing else is in", () => {
  const files = [baseFile("networkd"), sparkrun(PORT_0), sparkVllmDocker(PORT_0)];
  expect(migrate(...files)).toEqual({
    renderer: "networkd",
    lines: [],
    migrated: [
      { path: "/etc/netplan/40-cx7.yaml", text: "" },
      { path: "/etc/netplan/98-spark-vllm-docker.yaml", text: "" },
    ],
  });
});

it("leaves the renderer that a file chooses, and reads it there", () => {
  expect(migrate(baseFile("networkd"), nvidiaSync(PORT_0))).toEqual({
    renderer: "NetworkManager",
    lines: [],
    migrated: [
      {
        path: "/etc/netplan/99-nvidia-sync-cluster.yaml",
        text: "network:\n  version: 2\n  renderer: NetworkManager\n",
      },
    ],
  });
});

it("leaves what a file says of other netdevs, and of CX7 netdevs that aren't there", () => {
  const text = [
    "network:",
    "  ethernets:",
    "    # the fabric",
    "    enp1s0f0np0: { addresses: [192.168.177.11/24] }",
    "    enp9s0f0np0: { addresses: [192.168.9.1/24] }",
    "    enP7s7:",
    "      dhcp4: true # management",
    "",
  ].join("\n");
  expect(migrate(netplanFile("/etc/netplan/50-house.yaml", text)).migrated).toEqual([
    { path: "/etc/netplan/50-house.yaml", text: text.replace(/ {4}enp1s0f0np0.*\n/, "") },
  ]);
});

it("leaves what a file says of a CX7 netdev that is no end of the mesh's cables", () => {
  const text = "network:\n  ethernets:\n    enp1s0f0np0: { mtu: 9000 }\n    enp1s0f1np1: { mtu: 1500 }\n";
  const file = netplanFile("/etc/netplan/50-house.yaml", text);
  expect(migrateBeside(["enp1s0f1np1"], file).migrated).toEqual([
    { path: file.path, text: text.replace(/ {4}enp1s0f0np0.*\n/, "") },
  ]);
  expect(migrateBeside(["enp1s0f0np0", "enp1s0f1np1"], file)).toMatchObject({ lines: [], migrated: [] });
});

it("keeps a file that hides a package's, with nothing in it", () => {
  const hidden = netplanFile("/usr/lib/netplan/40-cx7.yaml", "network: { ethernets: { enP7s7: { dhcp4: true } } }\n");
  expect(migrate(hidden, sparkrun(PORT_0))).toMatchObject({
    lines: [],
    migrated: [{ path: "/etc/netplan/40-cx7.yaml", text: "network:\n  version: 2\n" }],
  });
});

it("never touches a match, a bond or NetworkManager's connections, but moves what is beside them", () => {
  const mixed = netplanFile(
    "/etc/netplan/50-mixed.yaml",
    [
      "network:",
      "  ethernets:",
      "    fabric: { match: { name: 'enp1s0f1*' }, mtu: 9000 }",
      "    enp1s0f0np0: { mtu: 9000 }",
      "  bonds:",
      "    bond0: { interfaces: [enP2p1s0f1np1] }",
      "",
    ].join("\n"),
  );
  const { lines, migrated } = migrate(mixed, networkManagerConnection("enp1s0f0np0", "192.168.177.11/24"));
  expect(lines).toEqual([
    expect.stringContaining("ethernets.fabric matches the CX7 netdev enp1s0f1np1,"),
    expect.stringContaining("bonds.bond0 takes the CX7 netdev enP2p1s0f1np1,"),
    expect.stringContaining("is NetworkManager's own connection for the CX7 netdev enp1s0f0np0,"),
  ]);
  expect(migrated).toEqual([{ path: mixed.path, text: mixed.text?.replace(/ {4}enp1s0f0np0.*\n/, "") }]);
});

it("is a fault where something else in the file refers to the definition", () => {
  const shared = "network: { ethernets: { enp1s0f0np0: &fabric { mtu: 9000 }, enP7s7: *fabric } }\n";
  expect(migrate(netplanFile("/etc/netplan/50-shared.yaml", shared))).toMatchObject({
    lines: [
      "spark-1: /etc/netplan/50-shared.yaml: defines the CX7 netdev enp1s0f0np0, which /etc/netplan/45-own.yaml will define, and can't be changed alone, something else in the file refers to it; remove it there",
    ],
    migrated: [],
  });
});

it("has nothing to move where no file was read", () => {
  const { text: _, ...stat } = sparkrun(PORT_0);
  expect(migrate(stat)).toMatchObject({ lines: [], migrated: [] });
});
