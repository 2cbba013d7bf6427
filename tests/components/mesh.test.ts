import { gunzipSync } from "node:zlib";
import * as pulumi from "@pulumi/pulumi";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Cx7PortArgs } from "../../components/cx7Port";
import { HostProgram } from "../../components/hostProgram";
import { HostSystem } from "../../components/hostSystem";
import { Mesh } from "../../components/mesh";
import type { ClusterConfig } from "../../config/cluster";
import type { Login, Probe } from "../../facts/hostFacts";
import { hostProgram } from "../../host/program";
import { planMesh } from "../../plan/planMesh";
import { SUDO_OPERATIONS, SUDO_SCRIPTS } from "../../plan/systemSpec";
import { change, cluster, freshProbes, onSwitch, PROGRAM, settledProbes } from "../plan/hosts";
import { changeTrust, loginsOf, trustedProbes, trusting, untrustedProbes } from "../plan/trust/trusted";
import { COMMAND, type Registered, record, registered } from "./registered";

/** What `key` answers, by the number of its host. */
let madeKey: (number: string) => string | undefined = () => undefined;

function stdoutOf(name: string): string {
  const [, number = "", operation] = /spark-(\d)-(netplan-stage|trust-key)$/.exec(name) ?? [];
  if (operation === undefined) return "";
  // The login shell of one has a profile that prints, and leaves a line unfinished.
  const noise = number === "2" ? "Welcome to 20250101T000000-00000000\nhello " : "";
  const key = madeKey(number);
  if (operation === "trust-key") {
    return key === undefined ? "" : `${noise}spark-mesh-answer ${JSON.stringify({ publicKey: key })}\n`;
  }
  return `${noise}20260101T000000-0badcaf${number}\n`;
}

beforeAll(async () => {
  await pulumi.runtime.setMocks(
    {
      newResource: ({ name, inputs }) => ({
        id: `${name}-id`,
        state: { ...inputs, stdout: stdoutOf(name) },
      }),
      call: () => ({}),
    },
    "spark-mesh",
    "test",
    true,
    "organization",
  );
});

beforeEach(() => {
  registered.length = 0;
  madeKey = () => undefined;
});

/** Registers the mesh that the probes come to, and returns its resources by name. */
async function meshOf(probes: Map<string, Probe>, config: ClusterConfig = cluster()): Promise<Map<string, Registered>> {
  const logins: Map<string, Login> = config.trust
    ? loginsOf(config)
    : new Map(
        config.hosts.map(({ name, address }) => [
          name,
          { address, port: 22, user: "nvidia", hostKey: "ssh-ed25519 AAAA" },
        ]),
      );
  const mesh = new Mesh(
    "mesh",
    { cluster: config, plan: planMesh(config, probes, logins, PROGRAM.digest), logins },
    { transformations: [record] },
  );
  await new Promise((resolve) => mesh.readme.apply(resolve));
  // Registrations that depend on one another take turns of the event loop.
  for (let count = -1; count !== registered.length; ) {
    count = registered.length;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return new Map(registered.map((resource) => [resource.name, resource]));
}

const settled = (config = cluster()) => settledProbes(planMesh(config, freshProbes()), freshProbes());

function get(resources: Map<string, Registered>, name: string): Registered {
  const resource = resources.get(name);
  if (resource === undefined) {
    throw new Error(`${name} is not among ${[...resources.keys()].join(", ")}`);
  }
  return resource;
}

describe("a fresh ring", () => {
  it("has its Sparks, ports, cables, files and commands, each named after its parent", async () => {
    const resources = await meshOf(freshProbes());
    const counts = new Map<string, number>();
    for (const { type } of resources.values()) {
      counts.set(type, (counts.get(type) ?? 0) + 1);
    }
    expect(Object.fromEntries(counts)).toEqual({
      "spark-mesh:index:Mesh": 1,
      "spark-mesh:index:Spark": 3,
      "spark-mesh:index:Cx7Port": 6,
      "spark-mesh:index:Cable": 3,
      "spark-mesh:index:NetplanFile": 3,
      "spark-mesh:index:HostProgram": 3,
      [COMMAND]: 15,
    });
    for (const { name, options } of resources.values()) {
      const parent = registered.find(({ name: other }) => name.startsWith(`${other}-`) && other !== name);
      expect(name === "mesh" || parent !== undefined, name).toBe(true);
      expect(name === "mesh" || options.parent !== undefined, name).toBe(true);
    }
  });

  it("says what each command does in a text that is short, constant and free of data", async () => {
    const resources = await meshOf(freshProbes());
    const texts = (name: string) => {
      const { create, update, delete: deletion } = get(resources, name).inputs;
      return { create, update, delete: deletion };
    };
    expect(texts("mesh-spark-1-netplan-stage")).toEqual({
      create: "exec bash -s root stage",
      update: expect.stringMatching(/^exec bash -s root stage( # .*)?$/),
      delete: "exec bash -s root release",
    });
    expect(texts("mesh-spark-1-netplan-verify").create).toBe("exec bash -s user verify");
    expect(texts("mesh-spark-1-netplan-verify").delete).toBeUndefined();
    expect(texts("mesh-spark-1-netplan-commit").delete).toBe("exec bash -s root undo");
  });

  it("never ignores what is due, and never uses triggers, environment or an agent's path", async () => {
    const resources = await meshOf(freshProbes());
    for (const { name, inputs, options } of [...resources.values()].filter(({ type }) => type === COMMAND)) {
      // Nothing on a host can differ from what an arrival does.
      const arrival = name.endsWith("-arrive");
      expect(options.ignoreChanges, name).toEqual(arrival ? ["create", "update", "delete", "stdin"] : []);
      expect(options.hideDiffs, name).toEqual(["stdin"]);
      expect(inputs.triggers, name).toBeUndefined();
      expect(inputs.environment, name).toBeUndefined();
      expect(inputs.addPreviousOutputInEnv, name).toBe(false);
      expect(await plain(inputs.connection)).toMatchObject({
        hostKey: "ssh-ed25519 AAAA",
        dialErrorLimit: 3,
        perDialTimeout: 5,
      });
      expect(JSON.stringify(await plain(inputs.connection))).not.toContain("agentSocketPath");
    }
  });
});

describe("a mesh on a switch", () => {
  it("has cables that end there, and ports that face every other host", async () => {
    const config = cluster({}, 4);
    const resources = await meshOf(freshProbes(onSwitch(4), 4), config);
    expect(get(resources, "mesh").inputs.topology).toBe("switch");
    expect(get(resources, "mesh-spark-2-0-switch-a").inputs).toEqual({
      ends: [{ host: "spark-2", port: 0 }, { switch: "switch-a" }],
      subnets: ["192.168.177.0/24", "192.168.178.0/24"],
    });
    const { netdevs } = get(resources, "mesh-spark-2-port-0").inputs as Pick<Cx7PortArgs, "netdevs">;
    expect(netdevs.map(({ netdev, peers }) => [netdev, peers])).toEqual(
      ["enp1s0f0np0", "enP2p1s0f0np0"].map((name) => [
        name,
        ["spark-1", "spark-3", "spark-4"].map((host) => `${host}/${name}`),
      ]),
    );
  });
});

describe("a ring whose hosts' systems are looked after", () => {
  const config = cluster({ system: { dockerGroup: false, sudoers: true, removeIpc: true, earlyoom: false } });

  it("has one more component and command a host, before the network's", async () => {
    const resources = await meshOf(freshProbes(), config);
    expect(get(resources, "mesh-spark-2-system")).toMatchObject({
      type: "spark-mesh:index:HostSystem",
      inputs: { host: "spark-2", dockerGroup: false, sudoers: true, removeIpc: true },
    });
    // States of earlier releases know nothing of it.
    expect(get(resources, "mesh-spark-2-system").inputs).not.toHaveProperty("earlyoom");
    const { inputs } = get(resources, "mesh-spark-2-system-run");
    expect(inputs.create).toBe("exec bash -s root system");
    expect(inputs.update).toMatch(/^exec bash -s root system # first visit, files=[0-9a-f]+$/);
    expect(inputs.delete).toBe("exec bash -s root unsystem");
    const { dependsOn } = get(resources, "mesh-spark-2-netplan-stage").options;
    expect([dependsOn].flat().map((one) => [one?.constructor, (one as HostSystem).host])).toEqual([
      [HostProgram, "spark-2"],
      [HostSystem, "spark-2"],
    ]);
    expect([get(resources, "mesh-spark-2-system").options.dependsOn].flat()).toEqual([expect.any(HostProgram)]);
  });

  it("names earlyoom where it is declared", async () => {
    const installed = ["spark-1", "spark-2", "spark-3"].reduce(
      (probes, host) => change(probes, host, (facts) => ({ ...facts, system: { ...facts.system, earlyoom: {} } })),
      freshProbes(),
    );
    const resources = await meshOf(installed, cluster({ system: { ...config.system, earlyoom: true } }));
    expect(get(resources, "mesh-spark-2-system").inputs).toMatchObject({ sudoers: true, earlyoom: true });
  });

  it("allows without a password every command that is run as root, and nothing that isn't", async () => {
    const commands = [...(await meshOf(freshProbes(), config)).values()].filter(({ type }) => type === COMMAND);
    const texts = commands.flatMap(({ inputs }) => [inputs.create, inputs.delete]);
    const operations = texts.flatMap((text) => /^exec bash -s root (\w+)$/.exec(`${text}`)?.[1] ?? []);
    const allowed = [...SUDO_OPERATIONS, ...SUDO_SCRIPTS];
    // What deployments run as root is among their own components.
    expect([...new Set([...operations, "facts", "deploy", "undeploy"])].sort()).toEqual([...allowed].sort());
  });

  it("leaves alone what is settled, each by itself, and replays what was run where a password is sent", async () => {
    const passwords = cluster().hosts.map((host) => ({ ...host, sudoPassword: "pass word" }));
    const asking = { ...config, hosts: passwords };
    const made = planMesh(asking, settled(asking)).hosts.reduce(
      (probes, { name, system }) =>
        change(probes, name, (facts) => {
          const record = {
            version: 1 as const,
            host: name,
            stack: "stack",
            transaction: "id",
            digest: system?.digest ?? "",
            program: PROGRAM.digest,
            spec: '{"as":"committed"}',
            files: [],
          };
          return { ...facts, system: { ...facts.system, record } };
        }),
      settled(asking),
    );
    const resources = await meshOf(made, asking);
    const { inputs, options } = get(resources, "mesh-spark-2-system-run");
    expect(options.ignoreChanges).toEqual(["create", "update", "delete"]);
    expect((await plain<string>(inputs.stdin)).split("\n").slice(-6)).toEqual([
      "pass word",
      "spark-2",
      PROGRAM.digest,
      '{"as":"committed"}',
      "",
      "",
    ]);

    const due = await meshOf(settled(asking), asking);
    expect(get(due, "mesh-spark-2-system-run").options.ignoreChanges).toEqual([]);
    expect(get(due, "mesh-spark-2-netplan-stage").options.ignoreChanges).toContain("create");
    expect(get(due, "mesh-spark-2-netplan-verify").options.ignoreChanges).toContain("create");
  });
});

describe("the outputs", () => {
  it("are the topology, each cable's subnets and each host's addresses", async () => {
    const config = cluster({}, 2);
    const plan = planMesh(config, freshProbes("1/1-2/1", 2));
    const mesh = new Mesh("outputs", { cluster: config, plan, logins: new Map() });
    expect(await plain([mesh.topology, mesh.cables, mesh.addresses])).toEqual([
      "direct",
      { "spark-1/1-spark-2/1": ["192.168.177.0/24", "192.168.178.0/24"] },
      {
        "spark-1": { enp1s0f1np1: "192.168.177.11/24", enP2p1s0f1np1: "192.168.178.11/24" },
        "spark-2": { enp1s0f1np1: "192.168.177.12/24", enP2p1s0f1np1: "192.168.178.12/24" },
      },
    ]);
  });
});

describe("a settled ring", () => {
  it("ignores every text, so that a release of ours changes nothing", async () => {
    const resources = await meshOf(settled());
    for (const { name, options } of [...resources.values()].filter(({ type }) => type === COMMAND)) {
      expect(options.ignoreChanges, name).toEqual(["create", "update", "delete", "stdin"]);
    }
  });

  it("sends a sudo password with what was committed, as a secret, and leaves verify alone", async () => {
    const config = cluster({
      hosts: cluster().hosts.map((host) => (host.name === "spark-3" ? { ...host, sudoPassword: "pass word" } : host)),
    });
    const resources = await meshOf(settled(config), config);
    for (const operation of ["stage", "commit"]) {
      const { inputs, options } = get(resources, `mesh-spark-3-netplan-${operation}`);
      expect(options.ignoreChanges).toEqual(["create", "update", "delete"]);
      expect(await pulumi.isSecret(inputs.stdin as pulumi.Output<string>)).toBe(true);
      const lines = (await plain<string>(inputs.stdin)).trimEnd().split("\n");
      expect(lines).toContain("pass word");
      expect(lines).toContain(planMesh(config, settled(config)).hosts[2]?.committedPayload);
    }
    expect(get(resources, "mesh-spark-3-netplan-verify").options.ignoreChanges).toContain("stdin");
    expect(get(resources, "mesh-spark-1-netplan-stage").options.ignoreChanges).toContain("stdin");
  });
});

describe("one drifted host", () => {
  it("is staged and committed, every host verifies, the others are left alone", async () => {
    const probes = change(settled(), "spark-2", (facts) => ({
      ...facts,
      cx7: facts.cx7.map((netdev, index) => (index === 0 ? { ...netdev, mtu: 1500 } : netdev)),
    }));
    const resources = await meshOf(probes);
    const due = [...resources.values()].filter(
      ({ type, options }) => type === COMMAND && options.ignoreChanges?.length === 0,
    );
    expect(due.map(({ name }) => name).sort()).toEqual([
      "mesh-spark-1-netplan-verify",
      "mesh-spark-2-netplan-commit",
      "mesh-spark-2-netplan-stage",
      "mesh-spark-2-netplan-verify",
      "mesh-spark-3-netplan-verify",
    ]);
    for (const { name, inputs } of due) {
      expect(inputs.update, name).toMatch(/^exec bash -s (root|user) (stage|verify|commit) # [A-Za-z0-9 .,:/=_;-]+$/);
    }
  });
});

describe("a host that can't be asked", () => {
  const dead = () => new Map(settled()).set("spark-3", { kind: "unreachable", reason: "timed out after 5 s" } as const);

  it("keeps its resources as they are, connection included", async () => {
    const resources = await meshOf(dead());
    const { options } = get(resources, "mesh-spark-3-netplan-stage");
    expect(options.ignoreChanges).toEqual(["create", "update", "delete", "stdin", "connection"]);
    expect(options.retainOnDelete).toBe(false);
  });

  it("stays behind when it is abandoned", async () => {
    const resources = await meshOf(dead(), cluster({ abandon: ["spark-3"] }));
    expect(get(resources, "mesh-spark-3-netplan-commit").options.retainOnDelete).toBe(true);
    expect(get(resources, "mesh-spark-1-netplan-commit").options.retainOnDelete).toBe(false);
  });
});

describe("SSH trust", () => {
  const config = trusting();
  const commands = (resources: Map<string, Registered>) =>
    [...resources.values()].filter(({ type }) => type === COMMAND);
  const due = (resources: Map<string, Registered>) =>
    commands(resources)
      .filter(({ options }) => options.ignoreChanges?.length === 0)
      .map(({ name }) => name.replace("mesh-", ""))
      .sort();
  /** What a command's stdin has behind the loader. */
  const sent = async (resources: Map<string, Registered>, name: string) => {
    const [password, host, program, spec] = (await plain<string>(get(resources, name).inputs.stdin))
      .split("\n")
      .slice(-6, -1);
    return { password, host, program, spec: JSON.parse(spec ?? "") };
  };
  const hosts = ["spark-1", "spark-2", "spark-3"];

  it("is a component and two commands a host: a key before each stage, blocks between every stage and every verify", async () => {
    madeKey = (number) => `ssh-ed25519 MADEMAD${number}`;
    const resources = await meshOf(untrustedProbes(), config);
    expect(commands(resources)).toHaveLength(21);
    const { inputs, options } = get(resources, "mesh-spark-1-trust-install");
    expect(inputs).toMatchObject({
      create: "exec bash -s user trust",
      update: expect.stringMatching(/^exec bash -s user trust # first visit, ssh=[0-9a-f]{12}$/),
      addPreviousOutputInEnv: false,
    });
    expect(inputs.delete).toBeUndefined();
    expect(options).toMatchObject({ ignoreChanges: [], hideDiffs: ["stdin"], retainOnDelete: false });
    expect(get(resources, "mesh-spark-1-trust")).toMatchObject({
      type: "spark-mesh:index:SshTrust",
      inputs: { host: "spark-1", peers: ["spark-2 192.168.177.12", "spark-3 192.168.187.13"] },
    });
    const keys = hosts.map((host) => `mesh-${host}-trust-key`);
    expect(await sources(inputs.stdin)).toEqual(keys);
    expect(await dependencies(get(resources, "mesh-spark-1-trust-install"))).toEqual([
      "mesh-spark-1-netplan-stage",
      "mesh-spark-1-trust-key",
      "mesh-spark-2-netplan-stage",
      "mesh-spark-3-netplan-stage",
    ]);
    expect(await dependencies(get(resources, "mesh-spark-2-netplan-stage"))).toContain("mesh-spark-2-trust-key");
    expect(await dependencies(get(resources, "mesh-spark-2-netplan-verify"))).toEqual(
      hosts.map((host) => `mesh-${host}-trust-install`),
    );
  });

  it("has a key whose deletion takes all away, by whichever program came last", async () => {
    madeKey = (number) => `ssh-ed25519 MADEMAD${number}`;
    const resources = await meshOf(untrustedProbes(), config);
    expect(get(resources, "mesh-spark-1-trust-key").inputs).toMatchObject({
      create: "exec bash -s user key",
      update: expect.stringMatching(/^exec bash -s user key # first visit, ssh=[0-9a-f]{12}$/),
      delete: "exec bash -s user distrust",
    });
    expect(await sent(resources, "mesh-spark-1-trust-key")).toEqual({
      password: "",
      host: "spark-1",
      program: "newest",
      spec: { host: "spark-1", stack: "organization/spark-mesh/test" },
    });
  });

  it("tells every host the keys that were made", async () => {
    madeKey = (number) => `ssh-ed25519 MADEMAD${number}`;
    const { program, spec } = await sent(await meshOf(untrustedProbes(), config), "mesh-spark-1-trust-install");
    expect(program).toBe(hostProgram().digest);
    expect(spec.public_key).toBe("ssh-ed25519 MADEMAD1");
    expect(spec.blocks.authorized_keys.match(/MADEMAD\d spark-mesh:spark-\d/g)).toEqual([
      "MADEMAD2 spark-mesh:spark-2",
      "MADEMAD3 spark-mesh:spark-3",
    ]);
  });

  it("that is settled ignores every text, and believes the hosts before an old state", async () => {
    madeKey = () => "ssh-ed25519 OLDSTATE";
    const resources = await meshOf(trustedProbes(), config);
    for (const { name, options } of commands(resources)) {
      expect(options.ignoreChanges, name).toEqual(["create", "update", "delete", "stdin"]);
    }
    const { program, spec } = await sent(resources, "mesh-spark-1-trust-install");
    expect([program, spec.public_key]).toEqual(["newest", "ssh-ed25519 KEY1KEY1"]);
    expect(JSON.stringify(spec)).not.toContain("OLDSTATE");
  });

  it("sends no sudo password and no secret", async () => {
    const withPassword = trusting({ hosts: config.hosts.map((host) => ({ ...host, sudoPassword: "pass word" })) });
    const resources = await meshOf(trustedProbes(), withPassword);
    for (const name of ["mesh-spark-1-trust-key", "mesh-spark-1-trust-install"]) {
      const { inputs, options } = get(resources, name);
      expect(options.ignoreChanges).toContain("stdin");
      expect(await pulumi.isSecret(inputs.stdin as pulumi.Output<string>)).toBe(false);
      expect(await plain<string>(inputs.stdin)).not.toContain("pass word");
    }
  });

  it("that drifted on one host is mended there, and every host verifies", async () => {
    const probes = changeTrust(trustedProbes(), "spark-2", (trust) => ({
      ...trust,
      stats: trust.stats.map((stat) => (stat.path === "~/.ssh/config" ? { ...stat, mode: "666" } : stat)),
    }));
    const resources = await meshOf(probes, config);
    expect(due(resources)).toEqual([
      "spark-1-netplan-verify",
      "spark-2-netplan-verify",
      "spark-2-trust-install",
      "spark-3-netplan-verify",
    ]);
    expect(get(resources, "mesh-spark-1-netplan-verify").inputs.update).toMatch(
      /^exec bash -s user verify # _\/.ssh\/config mode=666 wanted 644, ssh=[0-9a-f]{12}$/,
    );
  });

  it("with a key pair gone makes one there, leaves the networks alone, and tells all", async () => {
    madeKey = (number) => (number === "2" ? "ssh-ed25519 MADEMAD2" : undefined);
    const probes = changeTrust(trustedProbes(), "spark-2", (trust) => ({ ...trust, privateKey: false }));
    const resources = await meshOf(probes, config);
    expect(due(resources)).toEqual([
      "spark-1-netplan-verify",
      "spark-1-trust-install",
      "spark-2-netplan-verify",
      "spark-2-trust-install",
      "spark-2-trust-key",
      "spark-3-netplan-verify",
      "spark-3-trust-install",
    ]);
    expect(get(resources, "mesh-spark-2-trust-key").inputs.update).toMatch(/key # .*key pair=no private half/);
    const { spec } = await sent(resources, "mesh-spark-1-trust-install");
    expect(spec.blocks.authorized_keys.match(/\S+ spark-mesh:\S+/g)).toEqual([
      "MADEMAD2 spark-mesh:spark-2",
      "KEY3KEY3 spark-mesh:spark-3",
    ]);
  });

  it("of an abandoned host stays behind untouched", async () => {
    const resources = await meshOf(trustedProbes(), trusting({ abandon: ["spark-3"] }));
    for (const name of ["mesh-spark-3-trust-key", "mesh-spark-3-trust-install"]) {
      const { options } = get(resources, name);
      expect(options.retainOnDelete).toBe(true);
      expect(options.ignoreChanges).toEqual(["create", "update", "delete", "stdin", "connection"]);
    }
    expect(get(resources, "mesh-spark-1-trust").inputs.peers).toEqual(["spark-2 192.168.177.12"]);
  });

  it("that is off has no resource, and asks for no login", async () => {
    const resources = await meshOf(settled());
    expect([...resources.keys()].filter((name) => name.includes("trust"))).toEqual([]);
    const { stdin } = get(resources, "mesh-spark-1-netplan-verify").inputs;
    const payload = (await plain<string>(stdin)).split("\n").at(-3) ?? "";
    expect(gunzipSync(Buffer.from(payload, "base64")).toString()).not.toMatch(/^login /m);
  });
});

/** The names of the resources that one explicitly waits for. */
async function dependencies({ options }: Registered): Promise<string[]> {
  return names(await plain<pulumi.Resource[]>(options.dependsOn));
}

/** The names of the resources whose outputs an input is made of. */
async function sources(input: unknown): Promise<string[]> {
  const output = input as { allResources(): Promise<Set<pulumi.Resource>> };
  return names([...(await output.allResources())]);
}

async function names(resources: readonly pulumi.Resource[]): Promise<string[]> {
  const urns = await Promise.all(resources.map(({ urn }) => plain<string>(urn)));
  return urns.map((urn) => urn.split("::").at(-1) ?? "").sort();
}

/** What an input resolves to, outputs inside it too. */
function plain<T = unknown>(input: unknown): Promise<T> {
  return new Promise((resolve) => {
    pulumi.all([input]).apply(([value]) => resolve(value as T));
  });
}
