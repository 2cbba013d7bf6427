import { describe, expect, it } from "vitest";
import type { Probe } from "../../facts/hostFacts";
import type { HostRecord, RecordedMesh } from "../../facts/record";
import { planMesh } from "../../plan/planMesh";
import { disputesOf, rememberedMesh } from "../../plan/remembered";
import { changeRecord, cluster, freshProbes, settledProbes } from "./hosts";
import { changeTrust, loginsOf, planOf, trustedProbes, trustIn, trusting } from "./trust/trusted";

const LATER = "20991231T000000-00000000";
const OFF: Probe = { kind: "unreachable", reason: "no route to host" };

const settled = () => settledProbes(planMesh(cluster(), freshProbes()), freshProbes());
const without = (probes: Map<string, Probe>, host: string) => new Map(probes).set(host, OFF);
const memoriesOf = (probes: ReadonlyMap<string, Probe>) =>
  [...probes].flatMap(([name, probe]) =>
    probe.kind === "facts" && probe.facts.record ? [{ name, memory: probe.facts.record }] : [],
  );

/** spark-1's record, as whoever is root there may write it: newer than all others. */
function forged(probes: Map<string, Probe>, edit: (mesh: RecordedMesh) => RecordedMesh): Map<string, Probe> {
  const later = (record: HostRecord): HostRecord => ({ ...record, transaction: LATER, mesh: edit(record.mesh) });
  return changeRecord(probes, "spark-1", later);
}

const otherAddress =
  (name: string) =>
  (mesh: RecordedMesh): RecordedMesh => ({
    ...mesh,
    hosts: mesh.hosts.map((host) =>
      host.name === name ? { ...host, netdevs: host.netdevs.map((netdev) => ({ ...netdev, netdev: "enp9s9" })) } : host,
    ),
  });
/** The cable between two hosts, ended at other ports. */
const otherCable =
  (a: string, b: string) =>
  (mesh: RecordedMesh): RecordedMesh => ({
    ...mesh,
    cables: mesh.cables.map((cable) => {
      const hosts = cable.ends.map((end) => ("host" in end ? end.host : ""));
      const [first, second] = cable.ends;
      if (!hosts.includes(a) || !hosts.includes(b) || "switch" in second) return cable;
      return { ...cable, ends: [first, { ...second, port: second.port === 0 ? 1 : 0 }] };
    }),
  });

describe("a record", () => {
  it("says of other hosts that can be asked, and of their cables, nothing", () => {
    const honest = rememberedMesh(memoriesOf(settled()));
    for (const edit of [otherAddress("spark-3"), otherCable("spark-2", "spark-3")]) {
      expect(rememberedMesh(memoriesOf(forged(settled(), edit)))).toEqual(honest);
    }
  });

  it("says what its own host's cables are, where it is newer than the far end's", () => {
    const mesh = rememberedMesh(memoriesOf(forged(settled(), (one) => ({ ...one, cables: [] }))));
    const hosts = mesh?.cables.map(({ ends }) => ends.map((end) => ("host" in end ? end.host : "")));
    expect(hosts).toEqual([["spark-2", "spark-3"]]);
  });

  it("takes no port from two hosts whose records agree on its cable", () => {
    const steal = (mesh: RecordedMesh): RecordedMesh => ({
      ...mesh,
      cables: mesh.cables.map((cable) => {
        const [first, second] = cable.ends;
        if (first.host !== "spark-1" || "switch" in second || second.host !== "spark-2") return cable;
        return { ...cable, ends: [first, { ...second, port: second.port === 0 ? 1 : 0 }] };
      }),
    });
    const mesh = rememberedMesh(memoriesOf(forged(settled(), steal)));
    const honest = rememberedMesh(memoriesOf(settled()));
    const between = (one: RecordedMesh | undefined) =>
      one?.cables.filter(({ ends }) => ends.every((end) => "host" in end && end.host !== "spark-1"));
    expect(between(mesh)).toEqual(between(honest));
  });

  it("alone doesn't speak for a host that is off: `up` stops, and both records are named", () => {
    expect(disputesOf(memoriesOf(without(settled(), "spark-3")), ["spark-3"])).toEqual([]);
    const probes = without(forged(settled(), otherAddress("spark-3")), "spark-3");
    const { blockers } = planMesh(cluster(), probes);
    expect(blockers[0]).toMatch(/^spark-3: .*records of spark-1 and spark-2 .*\/var\/lib\/spark-mesh\/record\.json/);
    expect(planMesh(cluster(), without(settled(), "spark-3")).blockers).toEqual([]);
  });
});

describe("a login user's record of SSH trust", () => {
  const config = trusting();
  const forge = (fields: object) => {
    const probes = changeTrust(trustedProbes(), "spark-1", (trust) => {
      if (typeof trust.record !== "object") throw new Error("no record");
      const peers = trust.record.peers.map((peer) => (peer.host === "spark-3" ? { ...peer, ...fields } : peer));
      return { ...trust, record: { ...trust.record, peers } };
    });
    return without(probes, "spark-3");
  };
  const known = (probes: Map<string, Probe>) =>
    trustIn(planOf(probes, config), "spark-2").identities.find(({ host }) => host === "spark-3");

  it("is quiet about a host that is off, where all agree", () => {
    const plan = planOf(without(trustedProbes(), "spark-3"), config);
    expect(plan.blockers).toEqual([]);
    expect(plan.hosts.map(({ trust }) => trust?.state)).toEqual(["settled", "settled", "unknown"]);
  });

  it("never goes before the pinned host key, the user and the port that we log in with", () => {
    const login = loginsOf(config).get("spark-3");
    const forgery = { hostKey: "ssh-ed25519 EVIL", user: "mallory", port: 2222 };
    expect(known(forge(forgery))).toMatchObject({ user: login?.user, port: login?.port, hostKey: login?.hostKey });
    const plan = planOf(forge(forgery), config);
    expect(plan.blockers.join("")).not.toContain("record.json");
    // The forger's record alone is to be written anew.
    expect(plan.hosts.map(({ trust }) => trust?.state)).toEqual(["due", "settled", "unknown"]);
  });

  it.each([
    ["key", { publicKey: "ssh-ed25519 EVIL" }],
    ["name", { names: ["evil.example"] }],
  ])("alone gives a host that is off no other %s: `up` stops, and both are named", (_, forgery) => {
    const plan = planOf(forge(forgery), config);
    expect(plan.blockers).toContainEqual(expect.stringMatching(/^spark-3: .*record\.json of spark-1 and of spark-2 /));
    expect(known(forge(forgery))?.publicKey).toBeUndefined();
    expect(JSON.stringify([trustIn(plan, "spark-2"), plan.hosts.map(({ trust }) => trust?.peers)])).not.toMatch(
      /EVIL|evil/,
    );
  });
});
