import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hostRecord } from "../../facts/record";
import { Lab, type LabHost } from "../../lab/hosts/lab";
import { inside } from "../inside";
import { commitRing, cx7, must, netplanText, operate, recordedMesh, ringDocument, traces } from "./operations";

let lab: Lab;
let ids: Map<string, string>;
const macs = new Map<string, string>();

const file = "/etc/netplan/40-cx7.yaml";
const record = async (host: LabHost) =>
  hostRecord.parse(JSON.parse(await inside(lab, host.name, "cat /var/lib/spark-mesh/record.json")));

beforeAll(async () => {
  lab = await Lab.up({ name: "test-change", stackFile: false, fresh: true });
  for (const host of lab.hosts) {
    for (const netdev of cx7) {
      macs.set(`${host.number} ${netdev}`, await inside(lab, host.name, `cat /sys/class/net/${netdev}/address`));
    }
  }
  ids = await commitRing(lab, { macs });
});

afterAll(() => lab?.down());

/** What a host must look like once the ring is there. */
async function expectMesh(host: LabHost): Promise<void> {
  expect(await inside(lab, host.name, `stat -c '%a %U:%G' ${file}`)).toBe("600 root:root");
  expect(await inside(lab, host.name, `base64 -w0 ${file}`)).toBe(Buffer.from(netplanText(host)).toString("base64"));
  for (const netdev of cx7) {
    const live = await inside(lab, host.name, `ip -br address show dev ${netdev}; cat /sys/class/net/${netdev}/mtu`);
    expect(live, `${host.name} ${netdev}`).toMatch(/^\S+ +UP +192\.168\.\d+\.1[123]\/24 *\n9000$/);
  }
}

test("a fresh ring, on networkd, on NetworkManager and where sudo asks for a password", async () => {
  for (const host of lab.hosts) {
    await expectMesh(host);
    expect(ids.get(host.name)).toMatch(/^\d{8}T\d{6}-[0-9a-f]{8}$/);
    expect(await inside(lab, host.name, "ls -A /var/lib/spark-mesh /var/lib/spark-mesh/tx | sort | xargs")).toBe(
      "/var/lib/spark-mesh/tx: /var/lib/spark-mesh: original record.json tx",
    );
    expect(await inside(lab, host.name, "systemctl list-units --no-legend --all 'spark-mesh*.timer'")).toBe("");
  }
});

test("the record says what is true, in the words that facts read back", async () => {
  for (const host of lab.hosts) {
    const { files, mesh, transaction, stack, payload } = await record(host);
    expect({ mesh, transaction, stack }).toEqual({
      mesh: recordedMesh,
      transaction: ids.get(host.name),
      stack: "organization/spark-mesh/home",
    });
    expect(payload).toMatch(/^[A-Za-z0-9+/]{4000,}=*$/);
    const found = await inside(lab, host.name, `stat -c '%a %U:%G %s %i %.9Z' ${file}; sha256sum ${file} | cut -c-64`);
    const ours = files.find(({ path }) => path === file);
    expect(`${ours?.mode} ${ours?.owner} ${ours?.size} ${ours?.inode} ${ours?.ctime}\n${ours?.sha256}`).toBe(found);
  }
});

test("nothing to do means nothing done", async () => {
  for (const host of lab.hosts) {
    const before = await inside(lab, host.name, `stat -c '%y %i' ${file} /var/lib/spark-mesh/record.json`);
    const netplans =
      "journalctl --sync; journalctl -o cat -u 'spark-mesh-*' | wc -l; ls -i /run/systemd/network /run/NetworkManager/system-connections 2>/dev/null";
    const applied = await inside(lab, host.name, `${netplans}; true`);
    const document = ringDocument(lab, host, { macs });
    expect(await must(lab, host, "stage", document)).toBe(ids.get(host.name));
    await must(lab, host, "verify", document, [...ids.values()].join(" "));
    await must(lab, host, "commit", document, ids.get(host.name));
    expect(await inside(lab, host.name, `stat -c '%y %i' ${file} /var/lib/spark-mesh/record.json`)).toBe(before);
    expect(await inside(lab, host.name, `${netplans}; true`)).toBe(applied);
  }
});

test("another file is changed only while it is what was read", async () => {
  const [host] = lab.hosts;
  if (!host) throw new Error("found no host");
  const other = "/etc/netplan/60-other.yaml";
  const document = ringDocument(lab, host, { macs, extra: [`move 60-other.yaml ${"0".repeat(64)} Cg==`] });
  for (const [make, says] of [
    ["true", `${other}: found no file, wanted the one that was read`],
    [`echo '# theirs' >${other}`, `${other} was changed since it was read; run the command again`],
    [`ln -sf /root/other.yaml ${other}; touch /root/other.yaml`, `${other} is a symbolic link`],
  ] as const) {
    await inside(lab, host.name, make);
    const before = await traces(lab, host.name);
    const { code, message } = await operate(lab, host, "stage", document);
    expect(code).not.toBe(0);
    expect(message).toContain(`${host.name}: ${says}`);
    expect(await traces(lab, host.name)).toBe(before);
  }
  await inside(lab, host.name, `rm ${other} /root/other.yaml`);
});

describe("drift is repaired", () => {
  const netdev = "enp1s0f0np0";
  test.each([
    ["live MTU", `ip link set dev ${netdev} mtu 1500`],
    ["live address removed", `ip address flush dev ${netdev} scope global`],
    ["foreign address", `ip address add 10.99.0.1/24 dev ${netdev}`],
    [
      "foreign IPv6 address",
      `sysctl -qw net.ipv6.conf.${netdev}.disable_ipv6=0; ip address add 2001:db8::1/64 dev ${netdev}`,
    ],
    [
      "link-local address",
      `sysctl -qw net.ipv6.conf.${netdev}.disable_ipv6=0; ip address add fe80::77/64 dev ${netdev}`,
    ],
    ["link down", `ip link set dev ${netdev} down`],
    ["file edited", `sed -i s/9000/8000/ ${file}`],
    ["file deleted", `rm ${file}`],
    ["file mode", `chmod 0644 ${file}`],
    ["address only live", `rm ${file} && netplan apply && ip address add 192.168.177.99/24 dev ${netdev}`],
  ])("%s", async (_, breakIt) => {
    await Promise.all(
      lab.hosts.map(async (host) => {
        await inside(lab, host.name, breakIt);
        const id = await must(lab, host, "stage", ringDocument(lab, host));
        expect(id).not.toBe(ids.get(host.name));
        await expectMesh(host);
        await must(lab, host, "commit", ringDocument(lab, host), id);
        ids.set(host.name, id);
      }),
    );
    await Promise.all(
      lab.hosts.map((host) => must(lab, host, "verify", ringDocument(lab, host), [...ids.values()].join(" "))),
    );
  });
});

test("a record that is behind is written anew without touching the network", async () => {
  const host = lab.hosts[1] as LabHost;
  const before = await inside(lab, host.name, `stat -c '%y %i' ${file}; systemctl show -p ExecMainPID NetworkManager`);
  const document = ringDocument(lab, host, { mesh: { ...recordedMesh, topology: "switch" } });
  const id = await must(lab, host, "stage", document);
  await must(lab, host, "commit", document, id);
  expect(await inside(lab, host.name, `stat -c '%y %i' ${file}; systemctl show -p ExecMainPID NetworkManager`)).toBe(
    before,
  );
  expect((await record(host)).mesh.topology).toBe("switch");
  expect(await must(lab, host, "stage", document)).toBe(id);
});

test("another stack is refused by name", async () => {
  const host = lab.hosts[0] as LabHost;
  for (const operation of ["stage", "undo", "release"] as const) {
    const { code, stdout, message } = await operate(
      lab,
      host,
      operation,
      ringDocument(lab, host, { stack: "organization/spark-mesh/other" }),
    );
    expect(code).not.toBe(0);
    expect(stdout).toBe("");
    expect(message).toMatch(
      /^spark-1: belongs to stack organization\/spark-mesh\/home, found by stack organization\/spark-mesh\/other/,
    );
  }
  await expectMesh(host);
});

test("verify names the cable, what it found and what it wanted", async () => {
  const host = lab.hosts[0] as LabHost;
  const wrong = new Map([["2 enp1s0f1np1", "02:00:00:00:00:99"]]);
  const mac = await operate(lab, host, "verify", ringDocument(lab, host, { macs: wrong }), "");
  expect(mac.message).toMatch(
    /^spark-1: enp1s0f0np0: 192\.168\.177\.12 is answered by MAC \S+, wanted 02:00:00:00:00:99 \(spark-2\/enp1s0f1np1\)/,
  );
  await inside(lab, "spark-2", "ip link set dev enp1s0f1np1 mtu 1500");
  const small = await operate(lab, host, "verify", ringDocument(lab, host), "");
  expect(small.message).toMatch(
    /^spark-1: enp1s0f0np0 to spark-2\/enp1s0f1np1: 192\.168\.177\.12 answers a small ping but none of 9000 bytes/,
  );
  await must(lab, lab.hosts[1] as LabHost, "stage", ringDocument(lab, lab.hosts[1] as LabHost));
});
