import { readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { Lab } from "../../lab/hosts/lab";
import { startAgent } from "../facts/agents";
import { until } from "../scenarios/observe";
import { Desk } from "./desk";

/** `spark-mesh discover` as a person runs it: in a checkout, with a home of its own, on Sparks that are there. */

const NAME = "cli-discover";
const PAIR = ["spark-1", "spark-2"];
const TWO = PAIR.map((name) => ({ name, renderer: "networkd" as const }));
/** Both twins have their address, and no other. */
const CONFIGURED = "[ $(ip -o address show up | grep -c '10[.]42[.]') = 2 ] && ! ip -6 -o address | grep -q np0";

describe("discover on three Sparks", () => {
  let lab: Lab;
  let desk: Desk;
  let key: readonly [string, string];
  let places: readonly string[];
  let addresses: readonly string[];

  beforeAll(async () => {
    lab = await Lab.up({ name: NAME, fresh: true, stackFile: false });
    desk = await Desk.at(lab, "home");
    addresses = lab.hosts.map(({ address }) => address);
    places = addresses.map((address) => `nvidia@${address}`);
    key = ["--identity", lab.hosts[0]?.identityFile ?? ""];
    const names = lab.hosts.map(({ name }) => name);
    await until(lab, names, "! ip -6 -o address show tentative | grep -q np", 20);
  });

  afterAll(async () => {
    desk?.project.remove();
    await Lab.down(NAME);
  });

  it("shows hosts, cables and topology without a stack, and writes nothing", async () => {
    const before = readFileSync(desk.project.stackFile, "utf8");
    const { code, stdout, stderr } = await desk.discover([...places, ...key]);
    expect(code, stdout + stderr).toBe(0);
    expect(stdout).toMatch(/^HOST +PORT +NETDEV +LINK +MTU +ADDRESSES\nspark-1 +0 +enp1s0f0np0 +carrier +1500/);
    expect(stdout).toContain("spark-1/0-spark-2/1  heard on the wire, heard from every end\n");
    expect(stdout).toContain("  spark-1 0 -- 1 spark-2 0 -- 1 spark-3 0 -- 1 spark-1\n\ntopology: ring\n");
    expect(stderr).toContain("asking spark-1, spark-2, spark-3 ...\n");
    expect(readFileSync(desk.project.stackFile, "utf8")).toBe(before);
  });

  it("logs in with the agent to names of ~/.ssh/config, and prints one document for machines", async () => {
    const agent = startAgent(desk.project.dir);
    try {
      agent.add(key[1]);
      const { code, stdout, stderr } = await desk.discover(["spark-1", "spark-2", "spark-3", "--json"], {
        env: { SSH_AUTH_SOCK: agent.socket },
      });
      expect(code, stdout + stderr).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ topology: "ring", problems: [], cables: { length: 3 } });
    } finally {
      agent.end();
    }
  });

  it("ends with 1 for a missing cable, which it names, and with 2 for a mistake in the command line", async () => {
    await lab.unplug("1/0");
    const missing = await desk.discover([...places, ...key]);
    expect(missing.code, missing.stdout).toBe(1);
    expect(missing.stdout).toContain("spark-1: no cable is seen between spark-1/0 and spark-2/1; plug one in");
    await lab.replug("1/0");
    const mistaken = await desk.discover([...places, "--identiy", "key"]);
    expect(mistaken.code).toBe(2);
    expect(mistaken.stderr).toContain("'--identiy'");
    expect((await desk.discover(["--help"])).stdout).toContain("Usage: spark-mesh discover ");
  });

  it("names the host whose key it doesn't know, and how to trust it", async () => {
    const file = desk.path("ssh/known_hosts");
    const known = readFileSync(file, "utf8");
    writeFileSync(file, known.split("\n").slice(1).join("\n"));
    const { code, stdout } = await desk.discover([...places, ...key]);
    writeFileSync(file, known);
    expect(code).toBe(1);
    expect(stdout).toMatch(/ spark-1: host key unknown: found no pinned ed25519 key for .*npx spark-mesh trust /);
  });

  it.each([
    ["home.yaml", (hosts: readonly string[]) => `name: home\nhosts: [${hosts.join(", ")}]\nuser: nvidia\n`],
    ["docker.env", (hosts: readonly string[]) => `CLUSTER_NODES=${hosts.join(",")}\nETH_IF=enP7s7\n`],
  ])("takes the hosts from %s and writes a stack that a preview takes", async (file, text) => {
    writeFileSync(desk.path(file), text(addresses));
    const stack = desk.project.stackFile;
    const before = readFileSync(stack, "utf8");
    desk.project.reconfigure({ hosts: undefined, ssh: undefined });
    const { code, stdout, stderr } = await desk.discover(["--from", file, "--stack", "home", "--write", ...key]);
    expect(code, stdout + stderr).toBe(0);
    expect(stdout).toContain(`wrote ${stack}`);
    const { config } = parse(readFileSync(stack, "utf8"));
    expect(config["spark-mesh:hosts"].map(({ address }: { address: string }) => address)).toEqual(addresses);
    expect(config["spark-mesh:cables"]).toEqual([
      { from: "spark-1/0", to: "spark-2/1" },
      { from: "spark-1/1", to: "spark-3/0" },
      { from: "spark-2/0", to: "spark-3/1" },
    ]);
    expect(Object.keys(config)).toContain("spark-mesh:sudoPasswords");
    const preview = await desk.project.preview();
    expect(preview.code, preview.output).toBe(0);
    writeFileSync(stack, before);
  });

  describe("of a mesh that was made", () => {
    beforeAll(async () => {
      const up = await desk.project.up();
      expect(up.code, up.output).toBe(0);
    });

    it("writes sparkrun's cluster, which leads back to the same mesh", async () => {
      const { code, stdout, stderr } = await desk.discover(["--stack", "home", "--to", "sparkrun"]);
      expect(code, stderr).toBe(0);
      expect(parse(stdout)).toEqual({
        name: "home",
        hosts: addresses,
        description: "Mesh of 3 Sparks, made by spark-mesh",
        user: "nvidia",
        topology: "ring",
        mgmt_interface: "enP7s7",
      });
      expect(stderr).toContain(`note: spark-1: sparkrun logs in as ~/.ssh/config says`);
      writeFileSync(desk.path("exported.yaml"), stdout);
      const back = await desk.discover(["--from", "exported.yaml", ...key]);
      expect(back.code, back.stdout).toBe(0);
      expect(back.stdout).toContain("spark-1/0-spark-2/1  recorded on the hosts, heard from every end\n");
      expect(back.stdout).toContain("\ntopology: ring\n");
    });

    it("writes spark-vllm-docker's .env, which a shell reads and which leads back to the same hosts", async () => {
      const { code, stdout, stderr } = await desk.discover(["--stack", "home", "--to", "env"]);
      expect(code, stderr).toBe(0);
      writeFileSync(desk.path(".env"), stdout);
      const shown = await lab.exec(
        "spark-1",
        `cat >/tmp/.env; set -a; . /tmp/.env; printf '%s\\n' "$LOCAL_IP" "$ETH_IF" "$CONTAINER_NCCL_IB_MERGE_NICS" "$CLUSTER_LINKS"`,
        { stdin: stdout },
      );
      const [head, netdev, merge, links] = shown.stdout.trim().split("\n");
      expect([head, netdev, merge]).toEqual([addresses[0], "enP7s7", "0"]);
      expect(JSON.parse(links ?? "")).toHaveLength(6);
      expect(JSON.parse(links ?? "")).toContainEqual({
        [addresses[0] ?? ""]: "192.168.177.11",
        [addresses[1] ?? ""]: "192.168.177.12",
      });
      const back = await desk.discover(["--from", ".env", "--json", ...key]);
      expect(back.code, back.stdout + back.stderr).toBe(0);
      expect(JSON.parse(back.stdout)).toMatchObject({ topology: "ring", problems: [] });
    });
  });
});

describe("discover on two Sparks that are configured without link-local addresses", () => {
  let lab: Lab;
  let desk: Desk;

  beforeAll(async () => {
    lab = await Lab.up({ name: NAME, fresh: true, stackFile: false, wiring: "1/0-switch-a 2/0-switch-a", hosts: TWO });
    desk = await Desk.at(lab, "home");
    for (const { name, number } of lab.hosts) {
      const lines = ["enp1s0f0np0", "enP2p1s0f0np0"].map(
        (netdev, twin) => `    ${netdev}: { link-local: [], mtu: 9000, addresses: [10.42.${twin}.${number}/24] }\n`,
      );
      const text = `network:\n  version: 2\n  ethernets:\n${lines.join("")}`;
      const file = "/etc/netplan/40-cx7.yaml";
      const { code } = await lab.exec(name, `(umask 077 && cat >${file}) && netplan apply`, { stdin: text });
      expect(code, name).toBe(0);
    }
    await until(lab, PAIR, CONFIGURED, 30);
  });

  afterAll(async () => {
    desk?.project.remove();
    await Lab.down(NAME);
  });

  it("finds the switch between them", async () => {
    const { code, stdout } = await desk.discover(["--stack", "home"]);
    expect(code, stdout).toBe(0);
    expect(stdout).toContain("spark-2/0-switch-a  heard on the wire, heard from every end\n");
    expect(stdout).toMatch(/\ntopology: switch\n$/);
  });

  it("finds the cable that takes its place", async () => {
    await lab.rewire("1/0-2/0");
    await until(lab, PAIR, CONFIGURED, 30);
    const { code, stdout } = await desk.discover(["--stack", "home"]);
    expect(code, stdout).toBe(0);
    expect(stdout).toContain("spark-1/0-spark-2/0  heard on the wire, heard from every end\n");
    expect(stdout).toMatch(/\ntopology: direct\n$/);
  });

  it("says where it can't tell a cable from a switch", async () => {
    for (const host of PAIR) await lab.exec(host, "ip address flush dev enP2p1s0f0np0");
    const { code, stdout } = await desk.discover(["--stack", "home"]);
    expect(code, stdout).toBe(0);
    expect(stdout).toContain("spark-1: port 0 to spark-2/0 is taken for a cable, and a switch may be between: ");
  });
});
