import { describe, expect, it } from "vitest";
import { Faults } from "../../config/faults";
import { parseClusterConfig } from "../../config/load";

const hostKey = `ssh-ed25519 ${Buffer.concat([
  Buffer.from([0, 0, 0, 11]),
  Buffer.from("ssh-ed25519"),
  Buffer.from([0, 0, 0, 32]),
  Buffer.alloc(32, 7),
]).toString("base64")}`;
const three = [
  { name: "spark-1", address: "10.0.0.11" },
  { name: "spark-2", address: "10.0.0.12" },
  { name: "spark-3", address: "10.0.0.13" },
];

/** What allConfig() would return: texts as they are, everything else as JSON text. */
function raw(config: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(config).map(([key, value]) => [
      key.includes(":") ? key : `spark-mesh:${key}`,
      typeof value === "string" ? value : JSON.stringify(value),
    ]),
  );
}
const secretKeys = ["spark-mesh:sudoPassword", "spark-mesh:sudoPasswords"];
const parse = (config: Record<string, unknown>) => parseClusterConfig(raw(config), "/home/me", secretKeys);

function faultsOf(config: Record<string, unknown>): readonly string[] {
  try {
    parse(config);
  } catch (error) {
    if (error instanceof Faults) return error.lines;
    throw error;
  }
  return [];
}
const withHost = (fields: Record<string, unknown>) => ({ hosts: [{ ...three[0], ...fields }, ...three.slice(1)] });

describe("a config that is right", () => {
  it("needs nothing but the hosts", () => {
    expect(parse({ hosts: three })).toEqual({
      hosts: three.map((host, i) => ({ ...host, number: i + 1, ssh: { auth: "agent" } })),
      topology: "auto",
      network: {
        firstSubnet: "192.168.177.0/24",
        mtu: 9000,
        netplanFile: "/etc/netplan/40-cx7.yaml",
        confirmSeconds: 180,
      },
      deployments: [],
      abandon: [],
    });
  });

  it("takes everything the contract has", () => {
    const cluster = parse({
      hosts: [
        {
          ...three[0],
          number: 4,
          user: "me",
          port: 2222,
          identityFile: "~/.ssh/id",
          hostKey: `${hostKey} root@spark`,
          managementInterface: "enP7s7",
        },
        three[1],
      ],
      ssh: { auth: "key", user: "nvidia", port: 22, identityFile: "~/.ssh/other", proxyJump: "me@bastion:2200" },
      sudoPassword: "common",
      sudoPasswords: { "spark-2": "own" },
      topology: "ring",
      cables: [
        { from: "spark-1/0", to: "spark-2/1" },
        { from: "spark-1/1", to: "switch-a" },
      ],
      network: { firstSubnet: "10.9.8.0/24", mtu: 4200, netplanFile: "/etc/netplan/50-x.yaml", confirmSeconds: 30 },
      deployments: [
        { name: "qwen", recipe: "qwen3.5", hosts: ["spark-1"], overrides: { port: 8001, x: true, y: "z" } },
      ],
      abandon: ["spark-2"],
      "other:hosts": "not ours",
    });
    expect(cluster).toEqual({
      hosts: [
        {
          name: "spark-1",
          address: "10.0.0.11",
          number: 4,
          ssh: {
            auth: "key",
            user: "me",
            port: 2222,
            identityFile: "/home/me/.ssh/id",
            proxyJump: "me@bastion:2200",
            hostKey,
          },
          managementInterface: "enP7s7",
          sudoPassword: "common",
        },
        {
          name: "spark-2",
          address: "10.0.0.12",
          number: 2,
          ssh: {
            auth: "key",
            user: "nvidia",
            port: 22,
            identityFile: "/home/me/.ssh/other",
            proxyJump: "me@bastion:2200",
          },
          sudoPassword: "own",
        },
      ],
      topology: "ring",
      cables: [
        { from: { host: "spark-1", port: 0 }, to: { host: "spark-2", port: 1 } },
        { from: { host: "spark-1", port: 1 }, to: { switch: "switch-a" } },
      ],
      network: { firstSubnet: "10.9.8.0/24", mtu: 4200, netplanFile: "/etc/netplan/50-x.yaml", confirmSeconds: 30 },
      deployments: [
        { name: "qwen", recipe: "qwen3.5", hosts: ["spark-1"], overrides: { port: 8001, x: true, y: "z" } },
      ],
      abandon: ["spark-2"],
    });
  });

  it("logs in with a key where one is given, with the agent else, and as it is told", () => {
    const auths = (config: Record<string, unknown>) => parse(config).hosts.map(({ ssh }) => ssh.auth);
    expect(auths(withHost({ identityFile: "/k" }))).toEqual(["key", "agent", "agent"]);
    const told = parse({ ...withHost({ identityFile: "/k" }), ssh: { auth: "agent" } });
    expect(told.hosts[0]?.ssh).toEqual({ auth: "agent" });
  });

  it("takes two ports of one address for two machines", () => {
    expect(
      faultsOf({
        hosts: [
          { ...three[0], port: 2201 },
          { ...three[0], name: "spark-2", port: 2202 },
        ],
      }),
    ).toEqual([]);
  });
});

const cases: readonly [string, Record<string, unknown>, readonly string[]][] = [
  ["no hosts", {}, ["hosts: missing; needed: a list of hosts, each with a name and an address"]],
  ["an empty list", { hosts: [] }, ["hosts: found an empty list; needed: at least one host"]],
  ["hosts that are no list", { hosts: "spark-1" }, ['hosts: found "spark-1"; allowed: a list of hosts']],
  [
    "a host that is no object",
    { hosts: ["spark-1"] },
    ['hosts[0]: found "spark-1"; allowed: a host: name and address at least'],
  ],
  [
    "an unknown top-level key",
    { host: [], hosts: three },
    [
      "host: unknown key (did you mean hosts?); allowed: hosts, ssh, sudoPassword, sudoPasswords, topology, cables, network, deployments, abandon",
    ],
  ],
  [
    "an unknown key of a host",
    withHost({ adress: "x" }),
    [
      "hosts[0].adress: unknown key (did you mean address?); allowed: name, address, number, user, port, identityFile, hostKey, managementInterface",
    ],
  ],
  [
    "a key that is near none",
    { hosts: three, network: { gateway: 1 } },
    ["network.gateway: unknown key; allowed: firstSubnet, mtu, netplanFile, confirmSeconds"],
  ],
  [
    "a number that a position has",
    withHost({ number: 3 }),
    ["hosts[2].number: 3 (the default: the position) is already used by hosts[0]; every host needs its own"],
  ],
  [
    "a number twice",
    { hosts: [{ ...three[0], number: 1 }, three[1], { ...three[2], number: 1 }] },
    ["hosts[2].number: 1 is already used by hosts[0]; every host needs its own"],
  ],
  [
    "a name twice",
    { hosts: [three[0], { name: "spark-1", address: "10.0.0.12" }] },
    ["hosts[1].name: spark-1 is already used by hosts[0]; every host needs its own"],
  ],
  [
    "an address twice",
    {
      hosts: [
        { name: "a", address: "spark.local" },
        { name: "b", address: "SPARK.local" },
      ],
    },
    ["hosts[1].address: SPARK.local is already used by hosts[0]; every host needs its own"],
  ],
  ["number 0", withHost({ number: 0 }), ["hosts[0].number: found 0; allowed: a whole number from 1 to 244"]],
  ["number 245", withHost({ number: 245 }), ["hosts[0].number: found 245; allowed: a whole number from 1 to 244"]],
  [
    "a number as text",
    withHost({ number: "1" }),
    ['hosts[0].number: found "1"; allowed: a whole number from 1 to 244'],
  ],
  [
    "an address that is an option",
    withHost({ address: "-oProxyCommand=x" }),
    [
      'hosts[0].address: found "-oProxyCommand=x"; allowed: an address, a DNS or mDNS name, or an alias in ~/.ssh/config, without user and port',
    ],
  ],
  [
    "a user with a line break",
    withHost({ user: "a\nb" }),
    ['hosts[0].user: found "a\\nb"; allowed: a login name, e.g. nvidia'],
  ],
  [
    "a right-to-left override",
    withHost({ user: "a\u202eb" }),
    ['hosts[0].user: found "a\\u202eb"; allowed: a login name, e.g. nvidia'],
  ],
  [
    "two jumps",
    { hosts: three, ssh: { proxyJump: "a,b" } },
    [
      'ssh.proxyJump: found "a,b"; allowed: one jump host, [user@]host[:port] or an alias in ~/.ssh/config; apply can\'t make more than one jump',
    ],
  ],
  [
    "a jump that is an option",
    { hosts: three, ssh: { proxyJump: "-x" } },
    [
      'ssh.proxyJump: found "-x"; allowed: one jump host, [user@]host[:port] or an alias in ~/.ssh/config; apply can\'t make more than one jump',
    ],
  ],
  [
    "an RSA pin",
    withHost({ hostKey: "ssh-rsa AAAA" }),
    [
      'hosts[0].hostKey: found "ssh-rsa AAAA"; allowed: an ed25519 host key, ssh-ed25519 AAAA..., as in the host\'s /etc/ssh/ssh_host_ed25519_key.pub (apply pins no other type)',
    ],
  ],
  [
    "key without a key",
    { hosts: three.slice(0, 1), ssh: { auth: "key" } },
    ["hosts[0].identityFile: missing; ssh.auth is key, which needs one here or in ssh"],
  ],
  [
    "a port used twice",
    {
      hosts: three,
      cables: [
        { from: "spark-1/0", to: "spark-2/1" },
        { from: "spark-3/0", to: "spark-2/1" },
      ],
    },
    ["cables[1]: spark-2/1 is already used by cables[0]; a port takes one cable"],
  ],
  [
    "a cable to nobody",
    { hosts: three, cables: [{ from: "spark-1/0", to: "spark-4/1" }] },
    [
      "cables[0].to: no host is named spark-4 (did you mean spark-1?); hosts: spark-1, spark-2, spark-3; a switch is written without a port",
    ],
  ],
  [
    "a cable without its far port",
    { hosts: three, cables: [{ from: "spark-1/0", to: "spark-2" }] },
    ["cables[0].to: spark-2 is a host; name its port: spark-2/0 or spark-2/1"],
  ],
  [
    "a cable on one host",
    { hosts: three, cables: [{ from: "spark-1/0", to: "spark-1/1" }] },
    ["cables[0]: both ends are on spark-1; a cable joins two hosts"],
  ],
  [
    "port 2",
    { hosts: three, cables: [{ from: "spark-1/2", to: "spark-2/0" }] },
    ['cables[0].from: found "spark-1/2"; allowed: a host and its port, e.g. spark-1/0; ports are 0 and 1'],
  ],
  [
    "no cables at all",
    { hosts: three, cables: [] },
    ["cables: found an empty list; leave cables out and they are discovered"],
  ],
  [
    "a subnet off its start",
    { hosts: three, network: { firstSubnet: "192.168.177.1/24" } },
    ['network.firstSubnet: found "192.168.177.1/24"; allowed: a private /24, e.g. 192.168.177.0/24'],
  ],
  [
    "a public subnet",
    { hosts: three, network: { firstSubnet: "8.8.8.0/24" } },
    ['network.firstSubnet: found "8.8.8.0/24"; allowed: a private /24, e.g. 192.168.177.0/24'],
  ],
  [
    "an octet of 256",
    { hosts: three, network: { firstSubnet: "10.256.8.0/24" } },
    ['network.firstSubnet: found "10.256.8.0/24"; allowed: a private /24, e.g. 192.168.177.0/24'],
  ],
  [
    "an MTU below RoCE's",
    { hosts: three, network: { mtu: 1500 } },
    [
      "network.mtu: found 1500; allowed: a whole number from 4200 to 9216 (RoCE needs at least 4200; 9000 is the convention)",
    ],
  ],
  [
    "a file elsewhere",
    { hosts: three, network: { netplanFile: "/etc/netplan/../shadow.yaml" } },
    [
      'network.netplanFile: found "/etc/netplan/../shadow.yaml"; allowed: a file in /etc/netplan, e.g. /etc/netplan/40-cx7.yaml',
    ],
  ],
  [
    "a hasty confirmation",
    { hosts: three, network: { confirmSeconds: 29 } },
    ["network.confirmSeconds: found 29; allowed: a whole number from 30 to 3600"],
  ],
  [
    "a topology that isn't",
    { hosts: three, topology: "rign" },
    ['topology: found "rign"; allowed: auto, direct, ring or switch'],
  ],
  [
    "an abandoned stranger",
    { hosts: three, abandon: ["spark-9", "spark-1", "spark-1"] },
    [
      "abandon[0]: no host is named spark-9 (did you mean spark-1?); hosts: spark-1, spark-2, spark-3",
      "abandon[2]: spark-1 is already in abandon[1]",
    ],
  ],
  [
    "a deployment twice, on a stranger",
    {
      hosts: three,
      deployments: [
        { name: "a", recipe: "r" },
        { name: "a", recipe: "r", hosts: ["spark-9"] },
      ],
    },
    [
      "deployments[1].name: a is already used by deployments[0]; every deployment needs its own",
      "deployments[1].hosts[0]: no host is named spark-9 (did you mean spark-1?); hosts: spark-1, spark-2, spark-3",
    ],
  ],
  [
    "a list as an override",
    { hosts: three, deployments: [{ name: "a", recipe: "r", overrides: { port: [1] } }] },
    ["deployments[0].overrides.port: found a list; allowed: a text, a number, true or false"],
  ],
];

describe("a config that is wrong", () => {
  it.each(cases)("%s", (_title, config, lines) => expect(faultsOf(config)).toEqual(lines));

  it("says everything in one message", () => {
    const act = () => parse({ hosts: [{ name: "A" }, three[1]], topology: "x", abandon: ["spark-3"], cable: [] });
    expect(act).toThrow(
      /^5 faults in the stack config:\n {2}cable: .*\n {2}hosts\[0\]\.name: .*\n {2}hosts\[0\]\.address: missing.*\n {2}topology: .*\n {2}abandon\[0\]: /,
    );
  });

  it("never shows a secret, wherever it was put", () => {
    const lines = faultsOf({
      hosts: [
        {
          ...three[0],
          password: "canary-1",
          identityFile: "-----BEGIN OPENSSH PRIVATE KEY-----\ncanary-2",
          address: "me:canary-3@10.0.0.1",
        },
      ],
      sudoPassword: "canary-4\nx",
      sudoPasswords: { "spark-1": "", "spark-8": "canary-5", "spark-9": 42424242 },
      sudoPasword: "canary-6",
    });
    expect(lines).toHaveLength(7);
    expect(lines.join("\n")).not.toMatch(/canary|42424242/);
    expect(() => parseClusterConfig(raw({ hosts: three, sudoPassword: "canary-9" }), "/home/me", [])).toThrow(
      "sudoPassword: found in plain text; needed: a secret, from `pulumi config set --secret`",
    );
    expect(faultsOf({ hosts: three, sudoPasswords: "canary-7" })).toEqual([
      "sudoPasswords: allowed: hosts' names, each with its password",
    ]);
  });
});
