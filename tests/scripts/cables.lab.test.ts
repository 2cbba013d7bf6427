import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { Lab, type LabHost } from "../../lab/hosts/lab";
import { until } from "../../lab/hosts/process";
import { inside } from "../inside";
import { destroyRing, eventually, must, netplanText, operate, ringDocument, traces } from "./operations";

// The cable between spark-2, which renders through NetworkManager, and spark-3, which renders through networkd.
const cable = "2/0";
const ends = new Map([
  ["spark-2", "f0np0"],
  ["spark-3", "f1np1"],
]);

let lab: Lab;
let hosts: LabHost[];

beforeAll(async () => {
  lab = await Lab.up({ name: "test-cables", stackFile: false, fresh: true });
  hosts = lab.hosts.filter(({ name }) => ends.has(name));
});

afterEach(async () => {
  await lab.replug(cable);
  await destroyRing(lab);
  await lab.linksReady();
});

afterAll(() => lab?.down());

const netdevsOf = ({ name }: LabHost) => ["enp1s0", "enP2p1s0"].map((slot) => `${slot}${ends.get(name)}`);
/** The ring's document where the peer at the cable is abandoned. */
const alone = (host: LabHost) =>
  ringDocument(lab, host)
    .split("\n")
    .filter((line) => !netdevsOf(host).some((netdev) => line.startsWith(`link ${netdev} `)))
    .join("\n");
const addressOf = (host: LabHost, netdev: string) =>
  new RegExp(`^netdev ${netdev} 9000 (\\S+) -$`, "m").exec(ringDocument(lab, host))?.[1] ?? "none planned";

async function expectAsBefore(before: readonly string[]): Promise<void> {
  for (const [index, { name }] of hosts.entries()) {
    await eventually(async () => expect(await traces(lab, name), name).toBe(before[index]));
  }
}

test.each([
  ["absent, without a cable", {}],
  ["there, and without carrier", { carrier: true }],
])("netdevs %s, whose peer is abandoned: stage names them in the file and waits for nothing", async (_, how) => {
  const before = await Promise.all(hosts.map(({ name }) => traces(lab, name)));
  await lab.unplug(cable, how);
  const all = <T>(act: (host: LabHost) => Promise<T>) => Promise.all(lab.hosts.map(act));
  const ids = await all((host) => must(lab, host, "stage", alone(host)));
  await all((host) => must(lab, host, "verify", alone(host), ids.join(" ")));
  await all((host) => must(lab, host, "commit", alone(host), ids[host.number - 1]));
  await all(async (host) => {
    expect(await inside(lab, host.name, "cat /etc/netplan/40-cx7.yaml")).toBe(netplanText(host).trim());
    expect(await must(lab, host, "stage", alone(host)), `${host.name}: nothing to do`).toBe(ids[host.number - 1]);
  });
  await lab.replug(cable);
  for (const host of hosts) {
    for (const netdev of netdevsOf(host)) {
      const look = `ip -br address show dev ${netdev}; cat /sys/class/net/${netdev}/mtu`;
      const right = new RegExp(`^\\S+ +UP +${addressOf(host, netdev)} *\\n9000$`);
      await until(async () => right.test(await inside(lab, host.name, look)), 60, `${host.name} ${netdev}`);
    }
  }
  await destroyRing(lab);
  await expectAsBefore(before);
});

test("an absent netdev whose peer is to answer is refused before anything is touched", async () => {
  const before = await traces(lab, "spark-1");
  await lab.unplug(cable);
  for (const host of hosts) {
    const { code, stdout, message } = await operate(lab, host, "stage", ringDocument(lab, host));
    expect(code).not.toBe(0);
    expect(stdout).toBe("");
    expect(message).toMatch(
      new RegExp(`^${host.name}: \\S+${ends.get(host.name)}: found absent, wanted present; check its cable`),
    );
    expect(await inside(lab, host.name, "ls -d /var/lib/spark-mesh /run/spark-mesh 2>/dev/null; true")).toBe("");
  }
  expect(await traces(lab, "spark-1")).toBe(before);
});

test("what lost its carrier meanwhile is put back all the same", async () => {
  const before = await Promise.all(hosts.map(({ name }) => traces(lab, name)));
  for (const host of hosts) {
    const id = await must(lab, host, "stage", alone(host));
    await must(lab, host, "commit", alone(host), id);
  }
  await lab.unplug(cable, { carrier: true });
  await destroyRing(lab);
  await lab.replug(cable);
  await expectAsBefore(before);
});
