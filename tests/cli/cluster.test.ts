import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { namedCluster, onlyStack } from "../../cli/cluster";
import { Faults } from "../../config/faults";

const before = process.cwd();
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "spark-mesh-cli-"));
  process.chdir(folder);
});

afterAll(() => {
  process.chdir(before);
  rmSync(folder, { recursive: true });
});

const named = (options: Partial<Parameters<typeof namedCluster>[0]>) =>
  namedCluster({ hosts: [], ...options }, "secret word");

it("names hosts by their own label, else by rank", () => {
  const { cluster, hosts } = named({ hosts: ["nvidia@10.0.0.11:2222", "spark-7.lan", "fd00::12:1", "[fe80::2]:22"] });
  expect(cluster.hosts.map(({ name, address, ssh }) => [name, address, ssh.user, ssh.port])).toEqual([
    ["spark-1", "10.0.0.11", "nvidia", 2222],
    ["spark-7", "spark-7.lan", undefined, undefined],
    ["spark-3", "fd00::12:1", undefined, undefined],
    ["spark-4", "fe80::2", undefined, 22],
  ]);
  expect(hosts[0]).toEqual({ name: "spark-1", address: "10.0.0.11", user: "nvidia", port: 2222 });
  expect(cluster.hosts.every(({ sudoPassword }) => sudoPassword === "secret word")).toBe(true);
});

it("takes the hosts of a stack's file, and leaves its secrets", () => {
  writeFileSync(
    "Pulumi.home.yaml",
    "config:\n  spark-mesh:hosts:\n    - { name: a, address: 10.0.0.1 }\n    - { name: b, address: 10.0.0.2 }\n  spark-mesh:sudoPassword: { secure: v1:x }\n",
  );
  const { cluster, hosts } = named({ stack: "home" });
  expect(cluster.hosts.map(({ name }) => name)).toEqual(["a", "b"]);
  expect(hosts).toEqual([]);
  expect(cluster.stack).toBe("home");
});

it("takes the only stack for granted, the example aside", () => {
  rmSync("Pulumi.home.yaml", { force: true });
  writeFileSync("Pulumi.yaml", "name: spark-mesh\n");
  writeFileSync("Pulumi.example.yaml", "");
  expect(onlyStack).toThrow("found no stack file; give --stack NAME");
  writeFileSync("Pulumi.home.yaml", "");
  expect(onlyStack()).toBe("home");
  writeFileSync("Pulumi.away.yaml", "");
  expect(onlyStack).toThrow("found the stacks away, home; give --stack NAME");
  rmSync("Pulumi.away.yaml");
});

it("takes the hosts of another tool's file", () => {
  writeFileSync("cluster.yaml", "name: home\nhosts: [10.0.0.1, 10.0.0.2]\nuser: nvidia\n");
  writeFileSync(".env", "CLUSTER_NODES=10.0.0.5,10.0.0.6\n");
  expect(named({ from: "cluster.yaml" }).cluster.hosts.map(({ address }) => address)).toEqual(["10.0.0.1", "10.0.0.2"]);
  expect(named({ from: ".env" }).cluster.hosts.map(({ address }) => address)).toEqual(["10.0.0.5", "10.0.0.6"]);
});

it("gives every host the user of another tool's file, which the stack's own need not be", () => {
  writeFileSync("cluster.yaml", "hosts: [10.0.0.1, root@10.0.0.2]\nuser: nvidia\n");
  const { cluster, hosts } = named({ from: "cluster.yaml" });
  expect(hosts.map(({ user }) => user)).toEqual(["nvidia", "root"]);
  expect(cluster.hosts.map(({ ssh }) => ssh.user)).toEqual(["nvidia", "root"]);
});

it("logs in with the key that it is given, to a stack's hosts too", () => {
  const config = { "spark-mesh:hosts": [{ name: "a", address: "10.0.0.1" }], "spark-mesh:ssh": { user: "nvidia" } };
  writeFileSync("Pulumi.home.yaml", JSON.stringify({ config }));
  for (const where of [{ hosts: ["10.0.0.1"] }, { stack: "home" }]) {
    const { cluster, ssh } = named({ ...where, identity: "key" });
    expect(cluster.hosts[0]?.ssh).toMatchObject({ auth: "key", identityFile: join(process.cwd(), "key") });
    expect(ssh).toEqual({ identityFile: join(process.cwd(), "key") });
  }
  expect(named({ stack: "home", identity: "key" }).cluster.hosts[0]?.ssh.user).toBe("nvidia");
});

it("doesn't write addresses that are the mesh's own into a stack", () => {
  writeFileSync(".env", "CLUSTER_NODES=192.168.177.11,192.168.177.12\nETH_IF=enp1s0f0np0\n");
  expect(named({ from: ".env" }).notes.join()).toContain("management address");
  expect(() => named({ from: ".env", stack: "home", write: true })).toThrow("management address");
});

it.each([
  [{ stack: "away" }, "found no"],
  [{ stack: "../away" }, "wanted a stack's name"],
  [{ from: "nowhere.yaml" }, "nowhere.yaml"],
  [{ hosts: ["spark-1;reboot"] }, "wanted [user@]address"],
])("refuses %j and says why", (options, why) => {
  expect(() => named(options)).toThrow(Faults);
  expect(() => named(options)).toThrow(why);
});
