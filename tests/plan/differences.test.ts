import { describe, expect, it } from "vitest";
import type { Cx7Netdev, Probe } from "../../facts/hostFacts";
import { type SeenFile, SYSCTL_FILE } from "../../facts/record";
import { planMesh } from "../../plan/planMesh";
import {
  change,
  changeNetdev,
  changeRecord,
  cluster,
  declared,
  type Facts,
  freshProbes,
  netplanFile,
  onSwitch,
  settledProbes,
  silenced,
  v4,
} from "./hosts";

const FILE = "/etc/netplan/40-cx7.yaml";
const NETDEV = "enp1s0f0np0";

const fresh = freshProbes();
const first = planMesh(cluster(), fresh);
const settled = settledProbes(first, fresh);
const text = first.hosts[0]?.netplanText ?? "";

/** What is said of spark-1 as `object property found wanted`, its note, and that nobody else is due. */
function drift(probes: ReadonlyMap<string, Probe>) {
  const [one, ...others] = planMesh(cluster(), probes).hosts;
  expect(others.map(({ state }) => state)).toEqual(["settled", "settled"]);
  const said = one?.differences.map(({ object, property, found, wanted }) => [object, property, found, wanted]);
  return { state: one?.state, said, note: one?.note };
}

const onHost = (edit: (facts: Facts) => Facts) => drift(change(settled, "spark-1", edit));
const onNetdev = (edit: (netdev: Cx7Netdev) => Cx7Netdev) => drift(changeNetdev(settled, "spark-1", NETDEV, edit));
const onFile = (edit: (file: SeenFile) => SeenFile) =>
  onHost((facts) => ({
    ...facts,
    netplanFiles: facts.netplanFiles.map((file) => (file.path === FILE ? edit(file) : file)),
  }));

describe("live drift", () => {
  it("finds none where nothing changed", () => {
    expect(onHost((facts) => facts)).toEqual({ state: "settled", said: [], note: "" });
  });

  it("is not an address that networkd took away with the carrier", () => {
    expect(onNetdev((netdev) => ({ ...netdev, carrier: false, addresses: [] }))).toMatchObject({
      state: "settled",
      said: [],
    });
  });

  it.each<[string, (netdev: Cx7Netdev) => Cx7Netdev, readonly (readonly string[])[]]>([
    ["MTU", (netdev) => ({ ...netdev, mtu: 1500 }), [[NETDEV, "mtu", "1500", "9000"]]],
    [
      "address removed",
      (netdev) => ({ ...netdev, addresses: [] }),
      [[NETDEV, "address", "missing", "192.168.177.11/24"]],
    ],
    [
      "address gone from a netdev that is down",
      (netdev) => ({ ...netdev, up: false, carrier: false, addresses: [] }),
      [
        [NETDEV, "link", "down", "up"],
        [NETDEV, "address", "missing", "192.168.177.11/24"],
      ],
    ],
    [
      "foreign address",
      (netdev) => ({ ...netdev, addresses: [v4("10.9.9.9", 24), ...netdev.addresses] }),
      [[NETDEV, "address", "10.9.9.9/24", "none"]],
    ],
    [
      "other prefix length",
      () => ({ ...baseNetdev(), addresses: [v4("192.168.177.11", 16)] }),
      [
        [NETDEV, "address", "missing", "192.168.177.11/24"],
        [NETDEV, "address", "192.168.177.11/16", "none"],
      ],
    ],
    [
      "link-local address",
      (netdev) => ({
        ...netdev,
        addresses: [...netdev.addresses, { address: "fe80::1", prefixLength: 64, family: 6, linkLocal: true }],
      }),
      [[NETDEV, "link-local", "fe80::1/64", "none"]],
    ],
    ["link down", (netdev) => ({ ...netdev, up: false, carrier: false }), [[NETDEV, "link", "down", "up"]]],
  ])("names a changed %s", (_, edit, said) => {
    expect(onNetdev(edit)).toMatchObject({ state: "due", said });
  });

  function baseNetdev(): Cx7Netdev {
    const probe = settled.get("spark-1");
    const netdev = probe?.kind === "facts" ? probe.facts.cx7.find(({ name }) => name === NETDEV) : undefined;
    if (!netdev) throw new Error("no netdev");
    return netdev;
  }
});

describe("file drift", () => {
  const changed = { ctime: "1800000000.0", inode: 8 };

  it.each<[string, (file: SeenFile) => SeenFile, readonly (readonly string[])[]]>([
    [
      "edited value, by its line",
      (file) => ({ ...file, ...changed, text: text.replace("mtu: 9000", "mtu: 1500") }),
      [[FILE, "line 9", "mtu: 1500", "mtu: 9000"]],
    ],
    [
      "appended line",
      (file) => ({ ...file, ...changed, text: `${text}# mine\n` }),
      [[FILE, "line 33", "# mine", "nothing"]],
    ],
    ["mode", (file) => ({ ...file, ...changed, mode: "644", text }), [[FILE, "mode", "644", "600"]]],
    ["owner", (file) => ({ ...file, ...changed, owner: "me:me", text }), [[FILE, "owner", "me:me", "root:root"]]],
    [
      "stat, where the text could not be read",
      (file) => ({ ...file, ...changed }),
      [[FILE, "text", "changed since the last commit, and not read", "as committed"]],
    ],
  ])("names a changed %s", (_, edit, said) => {
    expect(onFile(edit)).toMatchObject({ state: "due", said });
  });

  it("compares every part of a stat", () => {
    for (const part of [{ ctime: "1800000000.0" }, { inode: 8 }, { size: 1 }]) {
      expect(onFile((file) => ({ ...file, ...part })).state).toBe("due");
    }
  });

  it("reads text before it believes a new stat", () => {
    expect(onFile((file) => ({ ...file, ...changed, text })).state).toBe("settled");
  });

  it("names a deleted file", () => {
    expect(
      onHost((facts) => ({ ...facts, netplanFiles: facts.netplanFiles.filter(({ path }) => path !== FILE) })),
    ).toMatchObject({
      state: "due",
      said: [[FILE, "file", "missing", "present"]],
    });
  });

  it("does not believe a record whose own hash is not the plan's", () => {
    const probes = changeRecord(settled, "spark-1", (record) => ({
      ...record,
      files: record.files.map((file) => (file.path === FILE ? { ...file, sha256: "0" } : file)),
    }));
    expect(drift(probes).said).toEqual([[FILE, "text", "not what was planned", "as planned"]]);
  });

  it("keeps file and live state apart: an address only live is the file's drift", () => {
    const without = text.replace("addresses: [ 192.168.177.11/24 ]", "addresses: [ ]");
    expect(onFile((file) => ({ ...file, ...changed, text: without })).said).toEqual([
      [FILE, "line 10", "addresses: [ ]", "addresses: [ 192.168.177.11/24 ]"],
    ]);
  });

  it("calls a moved file no drift, nor a foreign file that changed harmlessly", () => {
    const moved = planMesh(
      cluster({ network: { ...cluster().network, netplanFile: "/etc/netplan/50-mesh.yaml" } }),
      settled,
    );
    expect(moved.hosts.map(({ state, differences }) => [state, ...differences])).toEqual([["due"], ["due"], ["due"]]);
    const foreign = onHost((facts) => ({
      ...facts,
      netplanRead: true,
      netplanFiles: [
        ...facts.netplanFiles.map((file) => (file.path === FILE ? { ...file, text } : file)),
        netplanFile("/etc/netplan/90-x.yaml", "network: {}\n"),
      ],
    }));
    expect(foreign.state).toBe("settled");
  });
});

describe("on a switch", () => {
  const unwired = freshProbes(onSwitch(3));
  const wish = planMesh(cluster(), unwired);
  const sysctlText = wish.hosts[0]?.sysctlText ?? "";
  const switched = settledProbes(wish, unwired);
  const arp = { ignore: 1, announce: 2 };
  const onFile = (edit: (file: SeenFile) => SeenFile | undefined) =>
    drift(
      change(switched, "spark-1", ({ sysctlFile, ...facts }) => {
        const edited = sysctlFile && edit(sysctlFile);
        return { ...facts, ...(edited && { sysctlFile: edited }) };
      }),
    );

  it("finds none where nothing changed", () => {
    expect(drift(switched)).toEqual({ state: "settled", said: [], note: "" });
  });

  it.each<[string, Pick<Cx7Netdev, "arp">, readonly (readonly string[])[]]>([
    ["answer", { arp: { ...arp, ignore: 0 } }, [["arp_ignore", "0", "1"]]],
    ["question", { arp: { ...arp, announce: 0 } }, [["arp_announce", "0", "2"]]],
    [
      "netdev that the kernel says nothing of",
      {},
      [
        ["arp_ignore", "unknown", "1"],
        ["arp_announce", "unknown", "2"],
      ],
    ],
  ])("names a changed %s", (_, live, said) => {
    const probes = changeNetdev(switched, "spark-1", NETDEV, ({ arp: _was, ...netdev }) => ({ ...netdev, ...live }));
    expect(drift(probes)).toMatchObject({ state: "due", said: said.map((finding) => [NETDEV, ...finding]) });
  });

  it.each<[string, (file: SeenFile) => SeenFile | undefined, readonly string[]]>([
    ["missing file", () => undefined, ["file", "missing", "present"]],
    [
      "edited file",
      (file) => ({ ...file, inode: 8, text: sysctlText.replace("= 1", "= 0") }),
      ["line 3", "-net.ipv4.conf.enp1s0f0np0.arp_ignore = 0", "-net.ipv4.conf.enp1s0f0np0.arp_ignore = 1"],
    ],
    ["mode", (file) => ({ ...file, inode: 8, text: sysctlText, mode: "600" }), ["mode", "600", "644"]],
  ])("names a %s", (_, edit, said) => {
    expect(onFile(edit)).toMatchObject({ state: "due", said: [[SYSCTL_FILE, ...said]] });
  });

  it("leaves ARP alone elsewhere, and a file of that name", () => {
    const sysctlFile = { ...netplanFile(SYSCTL_FILE, "net.ipv4.ip_forward = 1\n"), mode: "644" };
    const probes = changeNetdev(settled, "spark-1", NETDEV, (netdev) => ({
      ...netdev,
      arp: { ignore: 0, announce: 1 },
    }));
    expect(drift(change(probes, "spark-1", (facts) => ({ ...facts, sysctlFile }))).state).toBe("settled");
  });

  it("is no drift before it was committed: cables that lead to a switch now make the host due, and no more", () => {
    const recabled = planMesh(cluster({ cables: declared(onSwitch(3)) }), silenced(settled));
    expect(recabled.hosts.map(({ state, differences }) => [state, ...differences])).toEqual([
      ["due"],
      ["due"],
      ["due"],
    ]);
  });
});

describe("transactions", () => {
  const memory = { version: 1 as const, host: "spark-1", mesh: first.mesh };
  const armed = { ...memory, transaction: "20261102T000000-bbbbbbbb", stack: "s", operator: "o", until: 5 };
  const rolledBack = { version: 1 as const, transaction: "20261102T000000-bbbbbbbb", at: 5, cause: "timer" };

  it("names an armed one", () => {
    const { state, said, note } = onHost((facts) => ({ ...facts, armed }));
    expect([state, said]).toEqual(["due", [["transaction", "armed", armed.transaction, "none"]]]);
    expect(note).toBe(`transaction armed=${armed.transaction} wanted none, last=${armed.transaction}`);
  });

  it("names a rollback as long as its wish is still to do, on a first visit too", () => {
    const wish = cluster({ network: { ...cluster().network, mtu: 4200 } });
    const said = [
      {
        host: "spark-1",
        object: "transaction",
        property: "last change",
        found: `${rolledBack.transaction} rolled back (timer)`,
        wanted: "committed",
      },
    ];
    const probes = change(settled, "spark-1", (facts) => ({ ...facts, rolledBack }));
    expect(planMesh(wish, probes).hosts.flatMap(({ differences }) => differences)).toEqual(said);
    expect(planMesh(cluster(), probes).hosts[0]?.state).toBe("settled");
    const never = change(fresh, "spark-1", (facts) => ({ ...facts, rolledBack }));
    expect(planMesh(cluster(), never).hosts.flatMap(({ differences }) => differences)).toEqual(said);
    const older = change(settled, "spark-1", (facts) => ({
      ...facts,
      rolledBack: { ...rolledBack, transaction: "20250101T000000-bbbbbbbb" },
    }));
    expect(planMesh(wish, older).hosts.flatMap(({ differences }) => differences)).toEqual([]);
  });
});

describe("the note", () => {
  it("says what drifted and which transaction was the last, so that the same drift differs after a repair", () => {
    const { note } = onNetdev((netdev) => ({ ...netdev, mtu: 1500 }));
    expect(note).toBe("enp1s0f0np0 mtu=1500 wanted 9000, last=20261101T100001-00000001");
  });

  it("stays one harmless, short line, whatever a host says", () => {
    const hostile = "x\n'; rm -rf / #$(reboot)`id`\u2028";
    const { note } = onHost((facts) => ({
      ...facts,
      cx7: facts.cx7.map((netdev) => ({
        ...netdev,
        addresses: Array.from({ length: 40 }, (_, index) => ({ ...v4(`${hostile}${index}`, 24) })),
      })),
      armed: {
        version: 1,
        host: hostile,
        transaction: hostile.repeat(10),
        stack: hostile,
        operator: hostile,
        until: 1,
        mesh: first.mesh,
      },
    }));
    expect(note).toMatch(/^[A-Za-z0-9 .,:/=_-]{100,260}$/);
  });

  it("lets no control character of a host through to the terminal", () => {
    const { said } = onFile((file) => ({ ...file, inode: 8, text: `\u001b[2J\u202e${"x".repeat(500)}` }));
    expect(said).toEqual([[FILE, "line 1", `?[2J?${"x".repeat(115)}`, expect.stringMatching(/^# Managed/)]]);
  });

  it("tells a host whose state folder is gone from its first visit", () => {
    const forgotten = change(settled, "spark-1", ({ record: _, ...facts }) => facts);
    expect(planMesh(cluster(), forgotten).hosts[0]?.note).not.toBe(first.hosts[0]?.note);
  });
});
