import { describe, expect, it } from "vitest";
import { faultsOf, parse, saysEach, three } from "./configs";

const withHost = (fields: Record<string, unknown>) => ({ hosts: [{ ...three[0], ...fields }, ...three.slice(1)] });

describe("hosts that are right", () => {
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

describe("hosts that are wrong", () => {
  saysEach([
    ["no hosts", {}, ["hosts: missing; needed: a list of hosts, each with a name and an address"]],
    ["an empty list", { hosts: [] }, ["hosts: found an empty list; needed: at least one host"]],
    [
      "hosts that are no list",
      { hosts: "spark-1" },
      [
        "hosts: found \"spark-1\"; allowed: a list of hosts; write it into Pulumi.<stack>.yaml, or piece by piece: pulumi config set --path 'spark-mesh:hosts[0].name' VALUE",
      ],
    ],
    [
      "a host that is no object",
      { hosts: ["spark-1"] },
      ['hosts[0]: found "spark-1"; allowed: a host: name and address at least'],
    ],
    [
      "an unknown key of a host",
      withHost({ adress: "x" }),
      [
        "hosts[0].adress: unknown key (did you mean address?); allowed: name, address, number, user, port, identityFile, hostKey, managementInterface",
      ],
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
  ]);
});
