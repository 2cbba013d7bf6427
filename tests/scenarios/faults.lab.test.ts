import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Lab } from "../../lab/hosts/lab";
import { Project, type ProjectOptions } from "../../lab/project";
import { scenarioEngines } from "./engines";

type Arrange = (lab: Lab, project: Project) => Promise<() => Promise<unknown>>;

interface Fault extends ProjectOptions {
  readonly name: string;
  /** Makes the hosts so; what it returns makes them as before. */
  readonly arrange?: Arrange;
  /** More keys of the stack config, made from the lab. */
  readonly change?: (lab: Lab) => Record<string, unknown>;
  /** The message holds all of these. */
  readonly says: readonly (string | RegExp)[];
}

const OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB0aYyJkE0J0T1V8o0pG2bSXxU3uMz0m0dVfN0xA0x2Q";

function inHost(host: string, command: string, undo: string): Arrange {
  return async (lab) => {
    const done = await lab.exec(host, command);
    expect(done.code, done.stderr).toBe(0);
    return () => lab.exec(host, undo);
  };
}

function unplugged(...ports: readonly string[]): Arrange {
  return async (lab) => {
    for (const port of ports) {
      await lab.unplug(port);
    }
    return async () => {
      for (const port of ports) {
        await lab.replug(port);
      }
      await lab.linksReady();
    };
  };
}

const hosts = (lab: Lab) => lab.hosts.map(({ name, address, hostKey, user }) => ({ name, address, hostKey, user }));

/** On three fresh hosts, cabled as a ring. */
const RING_FAULTS: readonly Fault[] = [
  {
    name: "a cable missing",
    arrange: unplugged("3/0"),
    says: ["ring topology requires 2 physical ports (4 interfaces)", "spark-3/0", "spark-1/1"],
  },
  { name: "no NIC at all", arrange: unplugged("1/0", "1/1"), says: [/spark-1: no CX7 netdev/] },
  {
    name: "one twin dead",
    arrange: async (lab) => {
      const panel = (state: string) =>
        execFileSync("ip", ["netns", "exec", `sml${lab.state.network}-panel`, "ip", "link", "set", "s1p0b", state]);
      panel("down");
      return async () => {
        panel("up");
        await lab.linksReady();
      };
    },
    says: [/spark-1.*enP2p1s0f0np0/],
  },
  {
    name: "a CX7 netdev that is down",
    arrange: inHost("spark-2", "ip link set enp1s0f0np0 down", "ip link set enp1s0f0np0 up"),
    says: [/spark-2: enp1s0f0np0.*down/, "cables"],
  },
  {
    name: "a subnet that overlaps a route",
    arrange: inHost("spark-2", "ip route add 192.168.187.0/24 dev enP7s7", "ip route del 192.168.187.0/24"),
    says: [/spark-2.*192\.168\.187\.0\/24/, "firstSubnet"],
  },
  {
    name: "another netplan file that defines a CX7 netdev",
    arrange: inHost(
      "spark-1",
      "printf 'network:\\n  version: 2\\n  ethernets:\\n    enp1s0f0np0: { mtu: 1500 }\\n' >/etc/netplan/98-other.yaml",
      "rm /etc/netplan/98-other.yaml",
    ),
    says: [/spark-1: .*\/etc\/netplan\/98-other\.yaml.*enp1s0f0np0/],
  },
  {
    name: "malformed netplan YAML",
    arrange: inHost("spark-3", "echo 'network: [' >/etc/netplan/99-bad.yaml", "rm /etc/netplan/99-bad.yaml"),
    says: [/spark-3: .*\/etc\/netplan\/99-bad\.yaml/],
  },
  {
    name: "netplan missing",
    arrange: inHost(
      "spark-2",
      "mv /usr/sbin/netplan /usr/sbin/netplan.away",
      "mv /usr/sbin/netplan.away /usr/sbin/netplan",
    ),
    says: [/spark-2: netplan/],
  },
  { name: "no sudo password", sudoPassword: false, says: [/spark-3: passwordless sudo not available/, "sudoPassword"] },
  {
    name: "a wrong sudo password",
    sudoPassword: false,
    arrange: async (_, project) => {
      await project.setSecret("spark-mesh:sudoPassword", "wrong canary");
      return async () => {};
    },
    says: [/spark-3: .*sudo password/],
  },
  {
    name: "a wrong host key",
    change: (lab) => ({
      hosts: hosts(lab).map((host, index) => (index === 1 ? { ...host, hostKey: OTHER_KEY } : host)),
    }),
    says: [/spark-2: host key mismatch: found SHA256:.*wanted the pinned SHA256:/, "npx spark-mesh trust --replace"],
  },
  {
    name: "an unknown host key",
    change: (lab) => ({ hosts: hosts(lab).map(({ name, address, user }) => ({ name, address, user })) }),
    says: [/spark-1: host key unknown/, /npx spark-mesh trust --stack \S+ spark-1/],
  },
  {
    name: "two hosts with one name, number and address",
    change: (lab) => ({
      hosts: hosts(lab).map((host, index) =>
        index === 2 ? { ...host, name: "spark-1", number: 1, address: lab.hosts[0]?.address } : host,
      ),
    }),
    says: [/hosts\[2\]\.name: .*hosts\[0\]/, /hosts\[2\]\.number: .*hosts\[0\]/, /hosts\[2\]\.address: .*hosts\[0\]/],
  },
  { name: "an unknown key", config: { topologie: "ring" }, says: ["topologie", "topology"] },
  {
    name: "a ring of two",
    sudoPassword: false,
    change: (lab) => ({ hosts: hosts(lab).slice(0, 2), topology: "ring" }),
    says: ["ring topology requires exactly 3 hosts", "direct"],
  },
  {
    name: "a ring with a host left out",
    sudoPassword: false,
    change: (lab) => ({ hosts: hosts(lab).slice(0, 2) }),
    says: [/spark-1: enp1s0f1np1 sees .*, which is no CX7 netdev of any host in spark-mesh:hosts/],
  },
  {
    name: "a declared switch that is none",
    config: { topology: "switch" },
    says: ["found switch, but the cables lead from port to port", /set it to ring or auto/],
  },
];

/** With other cables between three hosts. */
const WIRING_FAULTS: readonly { readonly name: string; readonly wiring: string; readonly says: Fault["says"] }[] = [
  { name: "port 0 to port 0", wiring: "1/0-2/0 2/1-3/1 3/0-1/1", says: ["spark-1/0", "spark-2/0", /port 0/] },
  {
    name: "a switch in the path",
    wiring: "1/0-switch-a 2/1-switch-a 2/0-3/1 3/0-1/1",
    says: [
      /spark-1: enp1s0f0np0.* sees its port's other rail: a switch is in the path/,
      /spark-2: enp1s0f1np1.*switch/,
    ],
  },
];

async function expectFault(lab: Lab, project: Project, says: Fault["says"]): Promise<void> {
  for (const step of [await project.preview(), await project.up()]) {
    expect(step.code, step.output).not.toBe(0);
    for (const part of says) {
      expect(step.output).toMatch(part);
    }
    expect(step.output).not.toMatch(/\n\s+at .*:\d+:\d+|wrong canary|unhandled/i);
  }
  for (const { name } of lab.hosts) {
    const touched = await lab.exec(name, "ls -d /var/lib/spark-mesh /etc/netplan/40-cx7.yaml 2>/dev/null");
    expect(touched.stdout, name).toBe("");
  }
}

describe.each(scenarioEngines())("before anything is touched, on the $kind engine", (engine) => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await Lab.up({ name: "faults", fresh: true, stackFile: false });
  });

  afterAll(async () => {
    await Lab.down("faults");
  });

  it.each(RING_FAULTS)("$name is a fault", async ({ arrange, change, says, ...options }) => {
    const project = await Project.create(engine, lab, { ...options, config: { ...options.config, ...change?.(lab) } });
    const undo = await arrange?.(lab, project);
    try {
      await expectFault(lab, project, says);
    } finally {
      await undo?.();
      project.remove();
    }
  });

  it("an agent without a key, and a dead one, are faults", async () => {
    const dir = mkdtempSync(join(tmpdir(), "spark-mesh-agent-"));
    const socket = join(dir, "agent");
    const agent = spawn("ssh-agent", ["-D", "-a", socket], { stdio: ["ignore", "pipe", "ignore"] });
    const project = await Project.create(engine, lab, { config: { ssh: { auth: "agent" } } });
    try {
      await once(agent.stdout, "data");
      project.env.SSH_AUTH_SOCK = socket;
      await expectFault(lab, project, [/spark-1: .*agent/, "ssh-add"]);
      project.env.SSH_AUTH_SOCK = join(dir, "nobody");
      await expectFault(lab, project, [/spark-1: .*SSH_AUTH_SOCK/]);
    } finally {
      agent.kill();
      project.remove();
      rmSync(dir, { recursive: true });
    }
  });

  it("a key with a passphrase and no agent is a fault", async () => {
    const dir = mkdtempSync(join(tmpdir(), "spark-mesh-key-"));
    const key = join(dir, "id_ed25519");
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "a passphrase", "-f", key]);
    const project = await Project.create(engine, lab, { config: { ssh: { auth: "key", identityFile: key } } });
    try {
      project.env.SSH_AUTH_SOCK = "";
      await expectFault(lab, project, [/spark-1: .*passphrase/, "ssh-add"]);
    } finally {
      project.remove();
      rmSync(dir, { recursive: true });
    }
  });

  it("an unreachable host is a warning at preview, and up stops before the first change", async () => {
    const project = await Project.create(engine, lab);
    await lab.kill("spark-3");
    try {
      const preview = await project.preview();
      expect(preview.code, preview.output).toBe(0);
      expect(preview.output).toMatch(/warning: spark-3: unreachable/);
      const up = await project.up();
      expect(up.code).not.toBe(0);
      expect(up.output).toMatch(/spark-3/);
      for (const name of ["spark-1", "spark-2"]) {
        expect((await lab.exec(name, "ls -d /var/lib/spark-mesh 2>/dev/null")).stdout).toBe("");
      }
    } finally {
      await lab.boot("spark-3");
      project.remove();
    }
  });
});

describe.each(scenarioEngines())("wrong cables on the $kind engine", (engine) => {
  it.each(WIRING_FAULTS)("$name is a fault", async ({ wiring, says }) => {
    const lab = await Lab.up({ name: "cabling", fresh: true, wiring, stackFile: false });
    const project = await Project.create(engine, lab);
    try {
      await expectFault(lab, project, says);
    } finally {
      project.remove();
      await Lab.down("cabling");
    }
  });
});
