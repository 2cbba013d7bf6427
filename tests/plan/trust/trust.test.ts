import { describe, expect, it } from "vitest";
import type { Login, Probe } from "../../../facts/hostFacts";
import type { Plan } from "../../../plan/plan";
import { planMesh } from "../../../plan/planMesh";
import { trustSpec } from "../../../plan/spec/trust";
import { commonTrust, renderTrustSpec } from "../../../plan/trust/trustSpec";
import { change, changeNetdev, cluster, factsIn, faults, PROGRAM, v4 } from "../hosts";
import {
  changeTrust,
  installed,
  loginsOf,
  planOf,
  STACK,
  trustedProbes,
  trustIn,
  trusting,
  untrustedProbes,
} from "./trusted";

const settled = trustedProbes();
const states = (plan: Plan) => plan.hosts.map(({ trust }) => trust?.state);
const peersIn = (plan: Plan, host: string) => trustIn(plan, host).peers.map(({ identity }) => identity.host);
const gone: Probe = { kind: "unreachable", reason: "no route to host" };
const planWith = (edit: (login: Login) => Login) => {
  const logins = loginsOf(trusting());
  const login = logins.get("spark-3");
  if (login) logins.set("spark-3", edit(login));
  return planMesh(trusting(), settled, logins);
};

describe("a first visit", () => {
  it("makes a key pair on every host, without drift", () => {
    const plan = planOf(untrustedProbes());
    expect(plan.hosts.map(({ trust }) => [trust?.state, trust?.keyDue, trust?.differences.length])).toEqual(
      Array(3).fill(["due", true, 0]),
    );
    expect(plan.hosts.map(({ trust }) => trust?.blocks)).toEqual([undefined, undefined, undefined]);
    expect(trustIn(plan, "spark-1").note).toMatch(/^first visit, ssh=[0-9a-f]{12}$/);
  });

  it("keeps a key pair that a run which failed had made", () => {
    const probes = changeTrust(untrustedProbes(), "spark-1", (trust) => ({
      ...trust,
      privateKey: true,
      publicKey: "ssh-ed25519 MADEMADE",
    }));
    expect(planOf(probes).hosts.map(({ trust }) => trust?.keyDue)).toEqual([false, true, true]);
  });

  it("on a mesh that is settled otherwise makes trust alone due", () => {
    const networked = ["spark-1", "spark-2", "spark-3"].reduce(
      (so, host) => changeTrust(so, host, () => factsIn(untrustedProbes(), host).trust as never),
      settled,
    );
    const plan = planOf(networked);
    expect(plan.hosts.map(({ state, trust }) => [state, trust?.state])).toEqual(Array(3).fill(["settled", "due"]));
  });
});

it("needs this release's program on the hosts where it is due, and on no other", () => {
  const drifted = changeTrust(settled, "spark-2", (trust) => ({ ...trust, rotate: true }));
  const programsOf = (probes: ReadonlyMap<string, Probe>, release: string) =>
    planMesh(trusting(), probes, loginsOf(trusting()), release).hosts.map(({ program }) => program?.state);
  const closed = changeTrust(settled, "spark-2", (trust) => ({
    ...trust,
    stats: trust.stats.map((stat) => (stat.path === "~/.ssh/config" ? { ...stat, mode: "666" } : stat)),
  }));
  expect(programsOf(closed, "2".repeat(64))).toEqual(["settled", "due", "settled"]);
  expect(programsOf(drifted, PROGRAM.digest)).toEqual(["settled", "settled", "settled"]);
  expect(programsOf(drifted, "2".repeat(64))).toEqual(["due", "due", "due"]);
  expect(programsOf(settled, "2".repeat(64))).toEqual(["settled", "settled", "settled"]);
});

describe("no trust", () => {
  it("is planned where it is off, whatever the hosts say", () => {
    const plan = planMesh(cluster(), settled);
    expect(plan.hosts.map(({ trust }) => trust)).toEqual([undefined, undefined, undefined]);
    expect(plan.hosts.map(({ state }) => state)).toEqual(["settled", "settled", "settled"]);
  });
});

describe("a plan", () => {
  it("hangs on no order of probes, logins or stats", () => {
    const turned = new Map(
      [...settled].reverse().map(([name, probe]): [string, Probe] => {
        if (probe.kind !== "facts" || !probe.facts.trust) return [name, probe];
        const { trust } = probe.facts;
        return [
          name,
          { kind: "facts", facts: { ...probe.facts, trust: { ...trust, stats: [...trust.stats].reverse() } } },
        ];
      }),
    );
    const logins = new Map([...loginsOf(trusting())].reverse());
    expect(planMesh(trusting(), turned, logins)).toEqual(planOf(settled));
  });

  it("hangs on no rank order", () => {
    const config = trusting({ hosts: [...trusting().hosts].reverse() });
    expect(states(planOf(settled, config))).toEqual(["settled", "settled", "settled"]);
  });
});

describe("what makes every host due, as no drift of any", () => {
  const everywhere = ["due", "due", "due"];
  const differences = (plan: Plan) => plan.hosts.flatMap(({ trust }) => trust?.differences ?? []);

  it.each([
    ["user", { user: "other" }],
    ["port", { port: 2200 }],
    ["host key", { hostKey: "ssh-ed25519 NEWKEY00" }],
  ])("another %s of one host", (_what, edit) => {
    const plan = planWith((login) => ({ ...login, ...edit }));
    expect([states(plan), differences(plan)]).toEqual([everywhere, []]);
  });

  it("another management address of one host", () => {
    const plan = planOf(
      change(settled, "spark-3", (facts) => ({
        ...facts,
        otherNetdevs: [{ name: "enP7s7", addresses: [v4("10.0.0.99", 24)] }],
      })),
    );
    expect([states(plan), differences(plan)]).toEqual([everywhere, []]);
    expect(trustIn(plan, "spark-1").blocks?.authorized_keys).toContain('from="10.0.0.99,10.0.0.13,');
  });

  it("another network, which is due with it", () => {
    const { network } = trusting();
    const config = trusting({ network: { ...network, firstSubnet: "192.168.100.0/24" } });
    const plan = planOf(settled, config);
    expect([states(plan), differences(plan)]).toEqual([everywhere, []]);
  });

  it("a host that left the mesh: its key is revoked", () => {
    const config = trusting({}, 2);
    const two = new Map([...settled].slice(0, 2));
    const plan = planMesh({ ...config, topology: "direct" }, two, loginsOf(config));
    expect([states(plan), differences(plan)]).toEqual([["due", "due"], []]);
    expect(trustIn(plan, "spark-1").blocks?.authorized_keys).not.toContain("spark-3");
  });

  it("a new name of one host", () => {
    const hosts = trusting().hosts.map((host) => (host.name === "spark-3" ? { ...host, name: "tail" } : host));
    const config = trusting({ hosts });
    const probes = new Map([...settled].map(([name, probe]) => [name === "spark-3" ? "tail" : name, probe]));
    const plan = planOf(probes, config);
    expect(states(plan)).toEqual(everywhere);
    expect(peersIn(plan, "spark-1")).toEqual(["spark-2", "tail"]);
  });
});

describe("names and addresses", () => {
  it("are those that mean one host, and mean it elsewhere too", () => {
    const hosts = trusting().hosts.map((host) => ({
      ...host,
      address: host.name === "spark-1" ? "first.local" : "127.0.0.1",
    }));
    const config = trusting({ hosts });
    const logins = new Map<string, Login>(
      hosts.map(({ name }, index) => [
        name,
        {
          address: index === 0 ? "10.9.9.9" : "127.0.0.1",
          port: 2200 + index,
          user: "me",
          hostKey: "ssh-ed25519 AAAA",
        },
      ]),
    );
    const plan = planMesh(config, settled, logins);
    expect(trustIn(plan, "spark-1").identities.map(({ names }) => names)).toEqual([
      ["first.local", "10.0.0.11", "10.9.9.9"],
      ["10.0.0.12"],
      ["10.0.0.13"],
    ]);
    const shared = new Map([...logins].map(([name, login]) => [name, { ...login, address: "192.0.2.1" }]));
    expect(trustIn(planMesh(config, settled, shared), "spark-2").identities[1]?.names).toEqual(["10.0.0.12"]);
  });

  it("are not another host's name in the mesh", () => {
    const hosts = trusting().hosts.map((host) => (host.name === "spark-1" ? { ...host, address: "spark-3" } : host));
    const config = trusting({ hosts });
    expect(trustIn(planOf(settled, config), "spark-2").identities[0]?.names).toEqual(["10.0.0.11"]);
  });
});

describe("a host that doesn't answer", () => {
  it("makes nobody due, and is known as before", () => {
    const plan = planOf(new Map(settled).set("spark-3", gone));
    expect(states(plan)).toEqual(["settled", "settled", "unknown"]);
    expect(trustIn(plan, "spark-3").identities).toEqual(trustIn(planOf(settled), "spark-3").identities);
    expect(plan.blockers).toEqual([]);
  });

  it("blocks `up` when the trust of another is due", () => {
    const drifted = changeTrust(settled, "spark-1", (trust) => ({ ...trust, rotate: true }));
    expect(planOf(drifted.set("spark-3", gone)).blockers).toEqual([
      "spark-3: unreachable (no route to host), and the change needs it to verify its cables; bring it up, or name it under spark-mesh:abandon",
    ]);
  });

  it("is left out while no record knows it", () => {
    const plan = planOf(new Map(untrustedProbes()).set("spark-3", gone));
    expect(peersIn(plan, "spark-1")).toEqual(["spark-2"]);
    expect(renderTrustSpec("spark-3", trustIn(plan, "spark-3"), commonTrust([], new Map()), STACK)).toBe("");
  });
});

describe("an abandoned host", () => {
  const config = trusting({ abandon: ["spark-3"] });
  const others = new Map([...settled].slice(0, 2));

  it("is nobody's peer any more, and the rest is settled after that", () => {
    const plan = planOf(others, config);
    expect(states(plan)).toEqual(["due", "due", "abandoned"]);
    expect([peersIn(plan, "spark-1"), peersIn(plan, "spark-2")]).toEqual([["spark-2"], ["spark-1"]]);
    const after = planOf(installed(others, config), config);
    expect(states(after)).toEqual(["settled", "settled", "abandoned"]);
  });

  it("that never had trust gets none", () => {
    const untrusted = ["spark-1", "spark-2"].reduce(
      (so, host) => changeTrust(so, host, () => factsIn(untrustedProbes(), host).trust as never),
      others,
    );
    expect(states(planOf(untrusted, config))).toEqual(["due", "due", undefined]);
    expect(states(planOf(installed(untrusted, config), config))).toEqual(["settled", "settled", undefined]);
  });

  it("that nothing is known of has it to the end: it is how a destroy ends", () => {
    expect(states(planOf(untrustedProbes(), config))).toEqual(["due", "due", "abandoned"]);
  });
});

describe("what can't be written", () => {
  it("is a fault that names the host", () => {
    expect(() => planWith((login) => ({ ...login, user: "A\\user" }))).toThrow(
      'spark-3: user: found "A\\\\user"; SSH trust has no way to write that in ~/.ssh',
    );
    expect(() => planWith((login) => ({ ...login, hostKey: "ssh-ed25519 AA\nProxyCommand reboot" }))).toThrow(
      /spark-3: hostKey: found /,
    );
    expect(faults(settled, trusting())).toEqual(
      [1, 2, 3].map((number) => `spark-${number}: no login is known; SSH trust needs the one that its facts came by`),
    );
  });

  it("is a record of a later release", () => {
    expect(() => planOf(changeTrust(settled, "spark-2", (trust) => ({ ...trust, record: "newer" })))).toThrow(
      /spark-2: ~\/.ssh\/spark-mesh\/record.json is of a later version/,
    );
  });
});

describe("the spec", () => {
  it("has blocks, and every host for the record, as the host program takes them", () => {
    const plan = planOf(settled);
    const trust = trustIn(plan, "spark-1");
    const text = renderTrustSpec("spark-1", trust, commonTrust(plan.hosts, new Map()), STACK);
    expect(text).not.toContain("\n");
    const { peers, ...others } = trustSpec.parse(JSON.parse(text));
    expect(others).toEqual({
      host: "spark-1",
      stack: STACK,
      public_key: "ssh-ed25519 KEY1KEY1",
      blocks: trust.blocks,
    });
    expect(peers[0]).toEqual({
      host: "spark-1",
      user: "nvidia",
      port: 22,
      host_key: "ssh-ed25519 HST1HST1",
      names: ["10.0.0.11"],
      public_key: "ssh-ed25519 KEY1KEY1",
    });
    expect(peers.map(({ host }) => host)).toEqual(["spark-1", "spark-2", "spark-3"]);
  });

  it("is refused where a host answered no key, or something else", () => {
    const { hosts } = planOf(untrustedProbes());
    const made = new Map(hosts.map(({ name }) => [name, "ssh-ed25519 AAAA"]));
    expect(() => commonTrust(hosts, new Map(made).set("spark-2", "none of it"))).toThrow(
      'spark-2: public key: found "none of it"; allowed: an ed25519 public key without a comment',
    );
    made.delete("spark-1");
    expect(() => commonTrust(hosts, made)).toThrow('spark-1: public key: found "none"');
  });
});

it("sees no drift in a block that was told without its last newline", () => {
  const probes = changeTrust(settled, "spark-1", (trust) => ({
    ...trust,
    blocks: { ...trust.blocks, config: `${trust.blocks.config}`.trimEnd() },
  }));
  expect(states(planOf(probes))).toEqual(["settled", "settled", "settled"]);
});

it("leaves the trust of hosts alone whose network drifts", () => {
  const probes = changeNetdev(settled, "spark-2", "enp1s0f0np0", (netdev) => ({ ...netdev, mtu: 1500 }));
  const plan = planOf(probes);
  expect(plan.hosts.map(({ state, trust }) => [state, trust?.state])).toEqual([
    ["settled", "settled"],
    ["due", "settled"],
    ["settled", "settled"],
  ]);
});
