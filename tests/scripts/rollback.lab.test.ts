import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { armedTransaction, rolledBackTransaction } from "../../facts/record";
import { Lab, type LabHost } from "../../lab/hosts/lab";
import { run, until } from "../../lab/hosts/process";
import { inside } from "../inside";
import {
  commitRing,
  destroyRing,
  eventually,
  must,
  operate,
  operationCommand,
  ringDocument,
  traces,
} from "./operations";

const file = "/etc/netplan/40-cx7.yaml";
/**
 * What somebody wrote before us, with a mode of its own. Each host's address is its own: a Spark answers on one cable for
 * what it has on another, and NetworkManager leaves an address alone that somebody answers for.
 */
const formerAddress = ({ number }: LabHost) => `10.77.${number}.1/24`;
const former = (host: LabHost) =>
  `network: { version: 2, ethernets: { ${[
    `enp1s0f0np0: { mtu: 4200, link-local: [ ipv6 ], addresses: [ ${formerAddress(host)} ] }`,
    ...["enP2p1s0f0np0", "enp1s0f1np1", "enP2p1s0f1np1"].map((netdev) => `${netdev}: { link-local: [ ipv6 ] }`),
  ].join(", ")} } }`;

/** Succeeds where all that the former file brings is live, and NetworkManager has nothing more to do. */
const isFormer = (host: LabHost) =>
  `[ $(ip -6 -o address show scope link -tentative | grep -c 'np[01]') = 4 ] &&
   ip -br address show dev enp1s0f0np0 | grep -qF ' ${formerAddress(host)}' &&
   ! { command -v nmcli >/dev/null && nmcli -g STATE device | grep -q '^connecting'; }`;

let lab: Lab;
let hosts: LabHost[];
let before: string[];

beforeAll(async () => {
  lab = await Lab.up({ name: "test-rollback", stackFile: false, fresh: true });
  hosts = lab.hosts;
  for (const host of hosts) {
    await inside(lab, host.name, `echo '${former(host)}' >${file}; chmod 0640 ${file}; netplan apply 2>&1`);
    await until(
      async () => (await lab.exec(host.name, isFormer(host))).code === 0,
      60,
      `${host.name}: its former file`,
    );
  }
  before = await Promise.all(hosts.map(({ name }) => traces(lab, name)));
});

afterAll(() => lab?.down());

beforeEach(async () => {
  await destroyRing(lab);
});

const all = <T>(act: (host: LabHost, index: number) => Promise<T>) => Promise.all(hosts.map(act));
/** An armed change, or a rollback that is not quite over. */
const atWork = async ({ name }: LabHost) =>
  (await inside(
    lab,
    name,
    "ls /var/lib/spark-mesh/armed.json 2>/dev/null; systemctl list-units --no-legend 'spark-mesh*.service'; true",
  )) !== "";
const rolledBack = async ({ name }: LabHost) =>
  rolledBackTransaction.parse(JSON.parse(await inside(lab, name, "cat /var/lib/spark-mesh/rolled-back.json")));

/** Everything is as it was; of us nothing is left but the note of the rollback. */
async function expectFormer(host: LabHost, index: number): Promise<void> {
  await eventually(async () => {
    const left = (await traces(lab, host.name)).replace(
      /^(\/run\/spark-mesh(\/lock)?|\/var\/lib\/spark-mesh)\n?/gm,
      "",
    );
    expect(left.trim(), host.name).toBe(before[index]?.trim());
  });
}

test("nobody confirms: the timer puts everything back, and commit says so", async () => {
  const ids = await all((host) => must(lab, host, "stage", ringDocument(lab, host, { confirmSeconds: 40 })));
  await all(async (host, index) => {
    const found = armedTransaction.parse(
      JSON.parse(await inside(lab, host.name, "cat /var/lib/spark-mesh/armed.json")),
    );
    expect(found.transaction).toBe(ids[index]);
    await until(async () => !(await atWork(host)), 180, `${host.name} rolled back`);
    expect(await rolledBack(host)).toMatchObject({ transaction: ids[index], cause: "timer" });
    await expectFormer(host, index);
    for (const operation of ["verify", "commit"] as const) {
      const { code, stdout, message } = await operate(lab, host, operation, ringDocument(lab, host), ids[index]);
      expect(code).not.toBe(0);
      expect(stdout).toBe("");
      expect(message).toMatch(
        new RegExp(
          `^${host.name}: transaction ${ids[index]} was rolled back at \\S+Z \\(timer\\); run .pulumi up. again$`,
        ),
      );
    }
  });
});

test("a host that dies unconfirmed comes back as it was", async () => {
  const ids = await all((host) => must(lab, host, "stage", ringDocument(lab, host, { confirmSeconds: 600 })));
  // A kill can meet veths that the kernel is still taking away; the host is off all the same.
  for (const { name } of hosts) await lab.kill(name).catch(() => lab.kill(name));
  for (const { name } of hosts) await lab.boot(name);
  await all(async (host, index) => {
    expect(await rolledBack(host)).toMatchObject({ transaction: ids[index], cause: "boot" });
    expect(await inside(lab, host.name, `cat ${file}; stat -c %a ${file}`)).toBe(`${former(host)}\n640`);
    await until(
      async () => (await inside(lab, host.name, "ip -br address show dev enp1s0f0np0")).includes(formerAddress(host)),
      60,
      `${host.name} has its former address`,
    );
    const live = await inside(lab, host.name, "ip address; cat /sys/class/net/enP2p1s0f0np0/mtu");
    expect(live).not.toContain("192.168.1");
    expect(live.split("\n").at(-1)).toBe("1500");
  });
});

test("a stage that meets its own armed change rolls it back and goes on; anybody else's is refused by name", async () => {
  await all(async (host) => {
    const first = await must(lab, host, "stage", ringDocument(lab, host));
    const stranger = await operate(lab, host, "stage", ringDocument(lab, host, { operator: "you@desk" }));
    expect(stranger.code).not.toBe(0);
    expect(stranger.message).toMatch(
      new RegExp(
        `^${host.name}: transaction ${first} of stack organization/spark-mesh/home by me@laptop file is not confirmed`,
      ),
    );
    const second = await must(lab, host, "stage", ringDocument(lab, host));
    expect(second).not.toBe(first);
    expect((await rolledBack(host)).transaction).toBe(first);
    await must(lab, host, "commit", ringDocument(lab, host), second);
  });
});

test("a change that netplan refuses touches nothing and leaves nothing", async () => {
  await all(async (host, index) => {
    const document = ringDocument(lab, host).replace(
      /^netplan .*$/m,
      `netplan ${Buffer.from("network: { version: 2, ethernets: { enp1s0f0np0: { mtu: big } } }\n").toString("base64")}`,
    );
    const { code, stdout, message } = await operate(lab, host, "stage", document);
    expect(code).not.toBe(0);
    expect(stdout).toBe("");
    expect(message).toMatch(new RegExp(`^${host.name}: ${file}: netplan refuses it .*nothing was changed$`));
    expect(await traces(lab, host.name)).toBe(before[index]);
  });
});

test("a change that can't be made true is put back at once", async () => {
  const host = hosts[0] as LabHost;
  const document = ringDocument(lab, host).replace("netdev enp1s0f0np0 9000", "netdev enp1s0f0np0 99999");
  const { code, stdout, message } = await operate(lab, host, "stage", document);
  expect(code).not.toBe(0);
  expect(stdout).toBe("");
  expect(message).toBe(
    "spark-1: enp1s0f0np0 MTU: found 9000, wanted 99999 15 s after netplan apply; put back as it was",
  );
  expect(await traces(lab, host.name)).toBe(before[0]);
});

test("a stage killed at any point, then run again, ends in the desired state", async () => {
  const moments = [0.2, 0.5, 0.9, 1.4, 2];
  for (const [round, seconds] of moments.entries()) {
    const host = hosts[round % 3] as LabHost;
    const { command, stdin } = operationCommand(lab, host, "stage", ringDocument(lab, host));
    const ended = run(command, { stdin, timeoutSeconds: 60 });
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    // Every process of the login, as a power cut of sshd's children would.
    await lab.exec(host.name, "for pid in $(pgrep -f 'bash -s( root)? stage'); do kill -KILL $pid; done");
    await ended;
  }
  await commitRing(lab);
  for (const { name } of hosts) {
    expect(await inside(lab, name, "ls -A /var/lib/spark-mesh /var/lib/spark-mesh/tx | sort | xargs")).toBe(
      "/var/lib/spark-mesh/tx: /var/lib/spark-mesh: original record.json tx",
    );
  }
  await destroyRing(lab);
  await all((host, index) => eventually(async () => expect(await traces(lab, host.name)).toBe(before[index])));
});
