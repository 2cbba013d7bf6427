import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { Lab, type LabHost } from "../../lab/hosts/lab";
import { until } from "../../lab/hosts/process";
import { inside } from "../inside";
import { commitRing, destroyRing, eventually, must, netplanText, ringDocument, traces } from "./operations";

const file = "/etc/netplan/40-cx7.yaml";

let lab: Lab;
let hosts: LabHost[];
let before: string[];

beforeAll(async () => {
  lab = await Lab.up({ name: "test-destroy", stackFile: false, fresh: true });
  hosts = lab.hosts;
  before = await Promise.all(hosts.map(({ name }) => traces(lab, name)));
});

afterEach(async () => {
  await destroyRing(lab);
  await expectFormer();
});

afterAll(() => lab?.down());

const all = <T>(act: (host: LabHost, index: number) => Promise<T>) => Promise.all(hosts.map(act));
/** Our state, or the unit that is about to take it away. */
const hasState = async ({ name }: LabHost) =>
  (await inside(
    lab,
    name,
    "ls -d /var/lib/spark-mesh 2>/dev/null; systemctl list-units --no-legend 'spark-mesh*'; true",
  )) !== "";

async function expectFormer(): Promise<void> {
  await all(({ name }, index) => eventually(async () => expect(await traces(lab, name), name).toBe(before[index])));
}

/** Undoes the mesh, and runs a command on the host as soon as the timer runs: however slow the rest is, that comes first. */
async function undoBeside(host: LabHost, command: string): Promise<void> {
  await Promise.all([
    must(lab, host, "undo", ringDocument(lab, host)),
    inside(lab, host.name, `until [ -e /var/lib/spark-mesh/armed.json ]; do sleep 0.1; done; ${command}`),
  ]);
}

test("where there was no file there is none again, and nothing of us", async () => {
  await commitRing(lab);
  await all((host) => must(lab, host, "undo", ringDocument(lab, host)));
  await all((host) => must(lab, host, "release", ringDocument(lab, host)));
  await expectFormer();
});

test("both steps are safe to run twice, and on a host that was never staged", async () => {
  await commitRing(lab);
  await destroyRing(lab);
  await destroyRing(lab);
  await expectFormer();
});

test("release alone does the whole undo", async () => {
  await commitRing(lab);
  await all((host) => must(lab, host, "release", ringDocument(lab, host)));
  await expectFormer();
});

test("a host that was staged and never committed", async () => {
  await all((host) => must(lab, host, "stage", ringDocument(lab, host)));
  await all((host) => must(lab, host, "release", ringDocument(lab, host)));
  await expectFormer();
});

test("nobody comes for the release, and what answered before still does: the undo ends by itself", async () => {
  await commitRing(lab);
  await all((host) => must(lab, host, "undo", ringDocument(lab, host)));
  await all((host) => until(async () => !(await hasState(host)), 120, `${host.name} finished`));
  await expectFormer();
});

test.each([
  ["ahead of", 0],
  ["behind", 12_000],
])("the timer goes off while somebody holds the lock, and release comes %s it: nothing is left", async (_, wait) => {
  await commitRing(lab);
  await all(async (host) => {
    await undoBeside(host, "systemd-run --quiet --collect flock /run/spark-mesh/lock sleep 13");
    await inside(lab, host.name, "while flock -n /run/spark-mesh/lock true; do sleep 0.1; done");
    await new Promise((resolve) => setTimeout(resolve, wait));
    await must(lab, host, "release", ringDocument(lab, host));
  });
  await all((host) => until(async () => !(await hasState(host)), 60, `${host.name} finished`));
  await expectFormer();
});

test("nobody comes for the release, and what answered before is silent: the mesh comes back", async () => {
  await commitRing(lab);
  await all(async (host) => {
    await undoBeside(
      host,
      "nft add table inet t; nft add chain inet t i '{ type filter hook input priority 0; }'; nft add rule inet t i iifname enP7s7 icmp type echo-reply drop",
    );
    await until(
      async () => (await lab.exec(host.name, "grep -q undo /var/lib/spark-mesh/tx/*/kind")).code !== 0,
      180,
      `${host.name} went back`,
    );
    await inside(lab, host.name, "nft delete table inet t");
    expect(await inside(lab, host.name, `cat ${file}`)).toBe(netplanText(host).trim());
    expect(await inside(lab, host.name, "ip -br address show dev enp1s0f0np0")).toContain("192.168.1");
  });
});

test("another name for the file: the old one is given back, and destroy gives back both", async () => {
  const moved = { netplanFile: "/etc/netplan/41-mesh.yaml" };
  await commitRing(lab);
  await commitRing(lab, moved);
  await all(async ({ name }) => {
    expect(await inside(lab, name, "ls /etc/netplan | grep -v 01-")).toBe("41-mesh.yaml");
  });
});
