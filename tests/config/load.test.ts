import { describe, expect, it } from "vitest";
import { parseClusterConfig } from "../../config/load";
import { faultsOf, hostKey, parse, raw, saysEach, three } from "./configs";

describe("a config that is right", () => {
  it("needs nothing but the hosts", () => {
    expect(parse({ hosts: three })).toEqual({
      hosts: three.map((host, i) => ({ ...host, number: i + 1, ssh: { auth: "agent" } })),
      topology: "auto",
      network: {
        firstSubnet: "192.168.177.0/24",
        prefixLength: 24,
        mtu: 9000,
        netplanFile: "/etc/netplan/40-cx7.yaml",
        confirmSeconds: 180,
        migrate: false,
      },
      trust: true,
      system: { dockerGroup: false, sudoers: false, removeIpc: true, earlyoom: false },
      deployments: [],
      abandon: [],
    });
  });

  it("takes everything the contract has", () => {
    const addressed = {
      subnets: ["10.20.0.0/24", "10.21.0.0/28"],
      addresses: { "spark-2": ["10.20.0.7", "10.21.0.7"] },
    };
    const network = {
      firstSubnet: "10.9.8.0/26",
      pool: "10.9.0.0/16",
      prefixLength: 26,
      mtu: 4200,
      netplanFile: "/etc/netplan/50-x.yaml",
      confirmSeconds: 30,
      migrate: true,
    };
    const system = { dockerGroup: true, sudoers: true, removeIpc: false, earlyoom: true };
    const registries = { eugr: "https://example.com/docker#0123:recipes" };
    const deployments = [
      {
        name: "qwen",
        recipe: "qwen3.5",
        hosts: ["spark-1"],
        overrides: { port: 8001, x: true, y: "z" },
        mods: "~/mods",
        build: "https://example.com/builder#0123",
        readySeconds: 600,
        args: ["--max-num-seqs", "4"],
        env: { A: "own" },
      },
    ];
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
        {
          from: "spark-1/0",
          to: "spark-2/1",
          ...addressed,
        },
        { from: "spark-1/1", to: "switch-a" },
      ],
      network,
      trust: false,
      system,
      deployments,
      env: { A: "x", B: 1, C: true },
      registries,
      hfToken: "hf_token",
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
        {
          from: { host: "spark-1", port: 0 },
          to: { host: "spark-2", port: 1 },
          ...addressed,
        },
        { from: { host: "spark-1", port: 1 }, to: { switch: "switch-a" } },
      ],
      network,
      trust: false,
      system,
      deployments,
      env: { A: "x", B: "1", C: "true" },
      registries,
      hfToken: "hf_token",
      abandon: ["spark-2"],
    });
  });
});

describe("a config that is wrong", () => {
  saysEach([
    ["a trust that is no yes or no", { hosts: three, trust: "yes" }, ['trust: found "yes"; allowed: true or false']],
    [
      "an unknown top-level key",
      { host: [], hosts: three },
      [
        "host: unknown key (did you mean hosts?); allowed: hosts, ssh, sudoPassword, sudoPasswords, topology, cables, network, trust, system, deployments, env, registries, hfToken, abandon",
      ],
    ],
    [
      "known keys at the wrong depth, with their namespace or without",
      {
        hosts: [{ ...three[0], topology: "ring" }],
        mtu: 9000,
        ssh: { "spark-mesh:topology": "ring", earlyoom: true },
        network: { user: "nvidia" },
      },
      [
        "mtu: unknown key at this depth; it belongs under spark-mesh:network",
        'ssh."spark-mesh:topology": unknown key at this depth; it belongs under config: as spark-mesh:topology',
        "ssh.earlyoom: unknown key at this depth; it belongs under spark-mesh:system",
        "hosts[0].topology: unknown key at this depth; it belongs under config: as spark-mesh:topology",
        "network.user: unknown key at this depth; it belongs in an entry of spark-mesh:hosts, or under spark-mesh:ssh",
      ],
    ],
    [
      "what `config set` makes of a path without --path",
      { hosts: three, "network.mtu": "9000", "hosts[0].name": "spark-1" },
      [
        "network.mtu: found a path as a key; set it with --path: pulumi config set --path 'spark-mesh:network.mtu' VALUE, and take this one away: pulumi config rm 'spark-mesh:network.mtu'",
        "hosts[0].name: found a path as a key; set it with --path: pulumi config set --path 'spark-mesh:hosts[0].name' VALUE, and take this one away: pulumi config rm 'spark-mesh:hosts[0].name'",
      ],
    ],
    [
      "what `config set` makes of a list or an object",
      { hosts: "10.0.0.11", ssh: "agent" },
      [
        "hosts: found \"10.0.0.11\"; allowed: a list of hosts; write it into Pulumi.<stack>.yaml, or piece by piece: pulumi config set --path 'spark-mesh:hosts[0].name' VALUE",
        "ssh: found \"agent\"; allowed: auth, user, port, identityFile, hostKey, proxyJump; write it into Pulumi.<stack>.yaml, or piece by piece: pulumi config set --path 'spark-mesh:ssh.auth' VALUE",
      ],
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
    [
      "a deployment on a host that is gone",
      { hosts: three, deployments: [{ name: "a", recipe: "r", hosts: ["spark-1", "spark-3"] }], abandon: ["spark-3"] },
      ["deployments[0].hosts[1]: spark-3 is in abandon; choose other hosts"],
    ],
    [
      "a build from nothing that is a repository",
      { hosts: three, deployments: [{ name: "a", recipe: "r", build: true }] },
      ["deployments[0].build: found true; allowed: URL#COMMIT of a git repository"],
    ],
    [
      "variables and words that are none",
      {
        hosts: three,
        env: { "a-b": "key", HF_TOKEN: "key" },
        deployments: [{ name: "a", recipe: "r", args: ["x"], env: { A: ["key"], HF_TOKEN: "key", B: "k\0" } }],
      },
      [
        "deployments[0].env.A: allowed: a text, a number, true or false",
        'deployments[0].args[0]: found "x"; allowed: a flag first, e.g. --max-num-seqs',
        "env.a-b: allowed: variables' names, letters, digits and _, each with a text, a number, true or false",
      ],
    ],
    [
      "tokens among variables",
      {
        hosts: three,
        env: { HF_TOKEN: "key", B: "k\0" },
        deployments: [{ name: "a", recipe: "r", env: { HUGGING_FACE_HUB_TOKEN: "key" } }],
      },
      [
        "deployments[0].env.HUGGING_FACE_HUB_TOKEN: found a token of Hugging Face's; set it as spark-mesh:hfToken, which no container gets",
        "env.HF_TOKEN: found a token of Hugging Face's; set it as spark-mesh:hfToken, which no container gets",
        "env.B: found a NUL in it, which no variable can hold",
      ],
    ],
    [
      "registries that are none",
      { hosts: three, registries: { "a b": "x", c: 1 } },
      [
        'registries."a b": found "x"; allowed: names of letters, digits and . _ -, a letter or digit first, each with URL#COMMIT[:FOLDER]',
        "registries.c: found 1; allowed: URL#COMMIT[:FOLDER] of a git repository",
      ],
    ],
    [
      "a wait that is no wait",
      { hosts: three, deployments: [{ name: "a", recipe: "r", readySeconds: 5 }] },
      ["deployments[0].readySeconds: found 5; allowed: a whole number from 30 to 86400"],
    ],
    [
      "a fabric that is nobody's",
      { hosts: three, deployments: [{ name: "a", recipe: "r", fabricEnv: "mine" }] },
      ['deployments[0].fabricEnv: found "mine"; allowed: recipe or mesh'],
    ],
  ]);

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
      hfToken: "canary-8 x",
    });
    expect(lines).toHaveLength(8);
    expect(lines.join("\n")).not.toMatch(/canary|42424242/);
    expect(() => parseClusterConfig(raw({ hosts: three, sudoPassword: "canary-9" }), "/home/me", [])).toThrow(
      "sudoPassword: found in plain text; needed: a secret, from `pulumi config set --secret`",
    );
    expect(() => parseClusterConfig(raw({ hosts: three, hfToken: "canary-10" }), "/home/me", [])).toThrow(
      "hfToken: found in plain text; needed: a secret, from `pulumi config set --secret`",
    );
    expect(faultsOf({ hosts: three, sudoPasswords: "canary-7" })).toEqual([
      "sudoPasswords: allowed: hosts' names, each with its password",
    ]);
  });
});
