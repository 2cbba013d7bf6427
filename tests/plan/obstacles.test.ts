import { describe, expect, it } from "vitest";
import type { Probe } from "../../facts/hostFacts";
import type { NetworkManagerProfile } from "../../facts/networkManager";
import { differenceText } from "../../plan/difference";
import { planMesh } from "../../plan/planMesh";
import { baseFile, change, cluster, faults, freshProbes, netdevName, settledProbes } from "./hosts";
import { planOf, trustedProbes, trusting, untrustedProbes } from "./trust/trusted";

const UUID = "98940d3b-2d5a-4d73-aa2e-bda89ec53238";
const FILE = "/etc/NetworkManager/system-connections/lan-a.nmconnection";
const NETDEV = netdevName(0, 0);
const profile = (more: Partial<NetworkManagerProfile> = {}): NetworkManagerProfile => ({
  name: "lan-a",
  uuid: UUID,
  file: FILE,
  automatic: true,
  ...more,
});
type Renderer = "networkd" | "NetworkManager";
const withProfile = (probes: Map<string, Probe>, one: NetworkManagerProfile, renderer: Renderer = "NetworkManager") =>
  change(probes, "spark-2", (facts) => ({ ...facts, netplanFiles: [baseFile(renderer)], profiles: [one] }));
const committed = (renderer: Renderer = "NetworkManager") => {
  const fresh = change(freshProbes(), "spark-2", (facts) => ({ ...facts, netplanFiles: [baseFile(renderer)] }));
  return settledProbes(planMesh(cluster(), fresh), fresh);
};

describe("a connection of NetworkManager's that netplan didn't write", () => {
  it.each([
    ["is active on a netdev of the mesh", profile({ active: NETDEV }), "has it now", "NetworkManager" as const],
    ["is active there beside networkd", profile({ active: NETDEV }), "has it now", "networkd" as const],
    ["is bound to its name", profile({ boundTo: NETDEV }), "takes it at the next boot", "NetworkManager" as const],
    [
      "is bound to its MAC",
      profile({ boundTo: "02:00:00:00:02:00" }),
      "takes it at the next boot",
      "NetworkManager" as const,
    ],
  ])("that %s is a problem on a first visit, with its name, file and remedy", (_, one, how, renderer) => {
    const [line = "", ...rest] = faults(withProfile(freshProbes(), one, renderer));
    expect(rest).toEqual([]);
    expect(line.startsWith(`spark-2: ${NETDEV}: `)).toBe(true);
    for (const fact of ['"lan-a"', FILE, how, `nmcli connection delete uuid ${UUID}`]) expect(line).toContain(fact);
  });

  it.each([
    ["is bound to another netdev", profile({ boundTo: "enP7s7" }), "NetworkManager" as const],
    ["is for any netdev, and active nowhere", profile(), "NetworkManager" as const],
    ["is never activated by itself", profile({ boundTo: NETDEV, automatic: false }), "NetworkManager" as const],
    ["is bound to a netdev that networkd renders", profile({ boundTo: NETDEV }), "networkd" as const],
  ])("that %s is none", (_, one, renderer) => {
    expect(planMesh(cluster(), withProfile(freshProbes(), one, renderer)).blockers).toEqual([]);
  });

  it("on a port that no cable ends at is nobody's business", () => {
    const config = cluster({ cables: [{ from: { host: "spark-1", port: 0 }, to: { host: "spark-2", port: 1 } }] }, 2);
    const probes = withProfile(freshProbes("1/0-2/1", 2), profile({ active: NETDEV }));
    expect(planMesh(config, probes).blockers).toEqual([]);
  });

  it("is drift when it appears later, and `up` stops at it", () => {
    expect(planMesh(cluster(), committed()).hosts.map(({ state }) => state)).toEqual(["settled", "settled", "settled"]);
    const plan = planMesh(
      cluster(),
      change(committed(), "spark-2", (facts) => ({ ...facts, profiles: [profile({ active: NETDEV })] })),
    );
    expect(plan.hosts.map(({ state }) => state)).toEqual(["settled", "due", "settled"]);
    expect(plan.hosts[1]?.differences).toEqual([
      { host: "spark-2", object: NETDEV, property: "NetworkManager connection", found: "lan-a", wanted: "netplan's" },
    ]);
    expect(plan.blockers).toEqual([expect.stringMatching(new RegExp(`^spark-2: ${NETDEV}: .*${UUID}`))]);
  });
});

describe("a file that netplan refuses", () => {
  const refused = (file: string, text?: string) =>
    change(freshProbes(), "spark-2", (facts) => ({
      ...facts,
      netplanComplaint: { file, line: 5, column: 14, reason: "invalid boolean value 'maybe'" },
      netplanFiles: [
        ...facts.netplanFiles,
        ...(text === undefined ? [] : [{ ...baseFile("networkd"), path: file, text }]),
      ],
    }));
  it("is a problem with its own name, line and column, said once", () => {
    const [line = "", ...rest] = faults(refused("/etc/netplan/50-x.yaml", "network: [\n"));
    expect(rest).toEqual([]);
    expect(line).toMatch(/^spark-2: \/etc\/netplan\/50-x\.yaml:5:14: .*invalid boolean value 'maybe'.*; correct it/);
  });
  it("is none where it is ours, which is written anew", () => {
    expect(planMesh(cluster(), refused("/etc/netplan/40-cx7.yaml")).blockers).toEqual([]);
  });
});

describe("what can't be written", () => {
  it("is a problem on a first visit, and keeps `up` from starting later", () => {
    const readOnly = (probes: Map<string, Probe>) =>
      change(probes, "spark-3", (facts) => ({ ...facts, unwritable: ["/etc/netplan"] }));
    expect(faults(readOnly(freshProbes()))).toEqual([expect.stringMatching(/^spark-3: \/etc\/netplan: .*remount,rw/)]);
    expect(planMesh(cluster(), readOnly(committed())).blockers).toEqual([
      expect.stringMatching(/^spark-3: \/etc\/netplan: .*remount,rw/),
    ]);
  });

  it("in ~/.ssh is said with the owner, where something is to be written there", () => {
    const stat = { path: "~/.ssh", mode: "700", owner: "root", type: "directory", ctime: "1.0" };
    const owned = (probes: Map<string, Probe>) =>
      change(probes, "spark-1", (facts) => ({
        ...facts,
        ...(facts.trust && { trust: { ...facts.trust, stats: [stat] } }),
      }));
    expect(() => planOf(owned(untrustedProbes()))).toThrow(
      /spark-1: ~\/\.ssh: found owned by root, wanted nvidia; sudo chown nvidia: ~nvidia\/\.ssh/,
    );
    const settled = change(trustedProbes(), "spark-1", (facts) => ({
      ...facts,
      ...(facts.trust && {
        trust: { ...facts.trust, stats: facts.trust.stats.map((one) => ({ ...one, owner: "root" })) },
      }),
    }));
    expect(planOf(settled, trusting()).blockers).toEqual([]);
  });

  it("never has a person paste what a host calls its user", () => {
    const user = "x; reboot #";
    const hostile = change(untrustedProbes(), "spark-1", (facts) => ({
      ...facts,
      system: { ...facts.system, user },
      ...(facts.trust && {
        trust: {
          ...facts.trust,
          stats: [{ path: "~/.ssh", mode: "700", owner: "root", type: "directory", ctime: "1.0" }],
        },
      }),
    }));
    expect(() => planOf(hostile)).toThrow(/sudo chown USER: ~\/\.ssh/);
    expect(() => planOf(hostile)).not.toThrow(/chown x;/);
  });

  it("of a model's cache is a problem where a model is still to come", () => {
    const docker = {
      ...{ docker: "ok" as const, nvidia: true, home: "/home/nvidia", rootFree: 1, homeFree: 1, memory: 1 },
      ...{ containers: [], images: [], listening: [], endpoints: [], records: [], watch: "missing" as const },
      unwritable: ["~/.cache/huggingface"],
    };
    const model = { id: "org/model", files: 2, bytes: 9 };
    const withModel = (one: object) =>
      change(freshProbes(), "spark-1", (facts) => ({
        ...facts,
        docker: { ...docker, models: [{ ...model, ...one }] },
      }));
    expect(faults(withModel({}))).toEqual([
      expect.stringMatching(
        /^spark-1: ~\/\.cache\/huggingface: .*nvidia.*; sudo chown nvidia: ~nvidia\/\.cache\/huggingface$/,
      ),
    ]);
    const complete = { recorded: { commit: "c", files: 2, bytes: 9 } };
    expect(planMesh(cluster(), withModel(complete)).blockers).toEqual([]);
  });
});

it("shows a host's words without control characters", () => {
  const words = "\u001b]0;x\u0007\u202e";
  const held = profile({ name: words, file: `${FILE}${words}`, active: NETDEV });
  expect(faults(withProfile(freshProbes(), held)).join("")).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  const drifted = change(committed(), "spark-2", (facts) => ({ ...facts, profiles: [held] }));
  const { hosts, warnings, blockers } = planMesh(cluster(), drifted);
  const differences = hosts.flatMap((host) => host.differences.map(differenceText));
  expect(differences).toHaveLength(1);
  expect([...differences, ...warnings, ...blockers].join("")).not.toMatch(/[\p{Cc}\p{Cf}]/u);
});
