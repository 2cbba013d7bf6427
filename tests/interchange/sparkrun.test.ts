import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { Faults } from "../../config/faults";
import { readSparkrunCluster, writeSparkrunCluster } from "../../interchange/sparkrun";
import { login, meshOf } from "./meshes";

function faultsOf(text: string): readonly string[] {
  try {
    readSparkrunCluster(text);
  } catch (error) {
    if (error instanceof Faults && error.subject === "the sparkrun cluster") return error.lines;
    throw error;
  }
  throw new Error("no fault");
}

describe("readSparkrunCluster", () => {
  it("takes the hosts in order, the user and the topology, and leaves the rest", () => {
    const text = [
      "name: lab",
      "hosts:",
      "- 10.24.11.13",
      "- spark-2c.local",
      "- root@10.24.11.15",
      "description: three Sparks",
      "user: nvidia",
      "cache_dir: /mnt/models",
      "topology: ring",
      "mgmt_interface: enP7s7",
      "env:",
      "  HF_TOKEN: $HF_TOKEN",
      "",
    ].join("\n");
    expect(readSparkrunCluster(text)).toEqual({
      hosts: [
        { name: "spark-1", address: "10.24.11.13", managementInterface: "enP7s7" },
        { name: "spark-2c", address: "spark-2c.local", managementInterface: "enP7s7" },
        { name: "spark-3", address: "10.24.11.15", user: "root", managementInterface: "enP7s7" },
      ],
      ssh: { user: "nvidia" },
      topology: "ring",
      overCx7: false,
      notes: [],
    });
  });

  it("needs no more than hosts, and believes no topology that sparkrun writes without having seen it", () => {
    const hosts = [
      { name: "dgx-a", address: "dgx-a" },
      { name: "dgx-b", address: "DGX-B.lan" },
    ];
    expect(readSparkrunCluster("hosts: [dgx-a, DGX-B.lan]\nuser: null\n")).toEqual({
      hosts,
      overCx7: false,
      notes: [],
    });
    expect(readSparkrunCluster("hosts: [dgx-a, DGX-B.lan]\ntopology: switch\n")).toEqual({
      hosts,
      overCx7: false,
      notes: ["topology: sparkrun says switch; left to discovery"],
    });
  });

  it("gives every host a name of its own", () => {
    const names = (text: string) => readSparkrunCluster(`hosts: [${text}]\n`).hosts.map(({ name }) => name);
    expect(names("spark.lan, spark.home, spark-1.lan, under_score")).toEqual([
      "spark-5",
      "spark-2",
      "spark-1",
      "spark-4",
    ]);
    expect(names("spark-2, spark-1")).toEqual(["spark-2", "spark-1"]);
  });

  it("says everything that is wrong, with its line", () => {
    expect(
      faultsOf("name: lab\nhosts:\n  - 10.0.0.11\n  - -oProxyCommand=x\n  - 17\nuser: [a]\nmgmt_interface: 'a b'\n"),
    ).toEqual([
      'line 4: hosts[1]: found "-oProxyCommand=x"; allowed: an address or a name, or user@address',
      "line 5: hosts[2]: found 17; allowed: an address or a name, or user@address",
      "line 6: user: found a list; allowed: a login name, e.g. nvidia",
      'line 7: mgmt_interface: found "a b"; allowed: a netdev\'s name, e.g. enP7s7',
    ]);
    expect(faultsOf("name: lab\n")).toEqual(["line 1: hosts: missing; needed: a list of hosts, the head first"]);
    expect(faultsOf("name: lab\nhosts: []\n")).toEqual([
      "line 2: hosts: found an empty list; allowed: a list of hosts, the head first, not empty",
    ]);
    expect(faultsOf("hosts:\n  - a\n  - b\n  - x@a\n")).toEqual([
      "line 4: hosts[2]: a is already hosts[0]; a host comes once",
    ]);
    expect(faultsOf("hosts: [\n")).toEqual([expect.stringMatching(/^line 2: malformed YAML \(.+\)$/)]);
    expect(faultsOf("hosts: &h\n  - *h\n")).toEqual(["line 2, column 5: *h: contains itself"]);
    expect(faultsOf("hosts: *none\n")).toEqual(["line 1, column 8: *none: no such anchor before it"]);
    expect(faultsOf("- a\n")).toEqual(["line 1: found no mapping; needed: hosts, a list of hosts, the head first"]);
  });
});

describe("writeSparkrunCluster", () => {
  const ring = meshOf("ring", "1/0-2/1 2/0-3/1 3/0-1/1", 3);

  it("gives the hosts as the stack reaches them, and reads them back", () => {
    const { text, notes } = writeSparkrunCluster("lab", ring);
    expect(text).toMatchInlineSnapshot(`
      "name: lab
      hosts:
        - 10.0.0.11
        - 10.0.0.12
        - 10.0.0.13
      description: Mesh of 3 Sparks, made by spark-mesh
      user: nvidia
      topology: ring
      mgmt_interface: enP7s7
      "
    `);
    expect(notes).toEqual([]);
    expect(readSparkrunCluster(text)).toMatchObject({
      hosts: ring.hosts.map(({ name, address }) => ({ name, address, managementInterface: "enP7s7" })),
      ssh: { user: "nvidia" },
      topology: "ring",
    });
  });

  it("writes what YAML 1.1 would take for something else in quotes", () => {
    const [first, ...others] = ring.hosts;
    if (!first) throw new Error("no host");
    const { text } = writeSparkrunCluster("1e3", { ...ring, hosts: [{ ...first, address: "on" }, ...others] });
    expect(text).toContain('name: "1e3"\n');
    expect(text).toContain('- "on"\n');
  });

  it("tells a ring of four what sparkrun wouldn't, and no management netdev where they differ", () => {
    const four = meshOf("ring", "1/0-2/1 2/0-3/1 3/0-4/1 4/0-1/1", 4);
    const [head, ...others] = four.plan.hosts;
    if (!head) throw new Error("no head");
    const hosts = [{ ...head, managementInterface: "eth9" }, ...others];
    const data = parse(writeSparkrunCluster("lab", { ...four, plan: { ...four.plan, hosts } }).text);
    expect(data).toMatchObject({ topology: "ring", env: { NCCL_ALGO: "Ring" } });
    expect(data).not.toHaveProperty("mgmt_interface");
    expect(parse(writeSparkrunCluster("lab", ring).text)).not.toHaveProperty("env");
  });

  it("leaves out abandoned hosts, and users that nobody knows", () => {
    const pair = meshOf("direct", "1/0-2/0", 3);
    const hosts = pair.plan.hosts.map((host) =>
      host.name === "spark-3" ? { ...host, state: "abandoned" as const } : host,
    );
    const { text } = writeSparkrunCluster("lab", { ...pair, plan: { ...pair.plan, hosts }, logins: new Map() });
    expect(parse(text)).toEqual({
      name: "lab",
      hosts: ["10.0.0.11", "10.0.0.12"],
      description: "Mesh of 2 Sparks, made by spark-mesh",
      topology: "direct",
      mgmt_interface: "enP7s7",
    });
  });

  it("notes what only the stack config says of a login", () => {
    const hosts = ring.hosts.map((host, index) =>
      index === 1 ? { ...host, ssh: { ...host.ssh, port: 2222, proxyJump: "bastion" } } : host,
    );
    expect(writeSparkrunCluster("lab", { ...ring, hosts }).notes).toEqual([
      "spark-2: sparkrun logs in as ~/.ssh/config says; it needs there, under Host 10.0.0.12: Port 2222, ProxyJump bastion",
    ]);
  });

  it("refuses a name that sparkrun would, and more than one user", () => {
    const logins = new Map(ring.logins).set("spark-2", login("root"));
    expect(() => writeSparkrunCluster("my lab", { ...ring, logins })).toThrow(
      [
        "2 faults in the sparkrun cluster:",
        '  name: found "my lab"; allowed: letters, digits, _ and -, a letter or digit first',
        "  user: found nvidia (spark-1, spark-3), root (spark-2); sparkrun logs in to all hosts as one",
      ].join("\n"),
    );
  });
});
