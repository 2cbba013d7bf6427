import { describe, expect, it } from "vitest";
import type { Cx7Netdev, HostFacts } from "../../facts/hostFacts";
import { parseFirstPass } from "../../facts/parse";
import { hasCx7Addresses, peerLooks, twinLooks } from "../../facts/peers";
import type { HostRecord } from "../../facts/record";
import fresh from "./fixtures/fresh.json";

const freshFacts = parseFirstPass("spark-1", JSON.stringify(fresh)).facts;
const names = ["enp1s0f0np0", "enP2p1s0f0np0", "enp1s0f1np1", "enP2p1s0f1np1"] as const;
type Addresses = Partial<Record<(typeof names)[number], string | readonly string[]>>;

/** A host with these CIDRs on its netdevs, besides what the kernel gave them, and no record unless `more` has one. */
function host(cidrs: Addresses, more: Partial<HostFacts> = {}): HostFacts {
  const cx7 = freshFacts.cx7.map((netdev): Cx7Netdev => {
    const own = [cidrs[netdev.name as (typeof names)[number]] ?? []].flat().map((cidr) => {
      const [address = "", length] = cidr.split("/");
      const linkLocal = address.startsWith("169.254.");
      return { address, prefixLength: Number(length), family: 4, linkLocal } as const;
    });
    return { ...netdev, addresses: [...netdev.addresses, ...own] };
  });
  return { ...freshFacts, cx7, ...more };
}
const withNetdev = (facts: HostFacts, name: string, changes: Partial<Cx7Netdev>): HostFacts => ({
  ...facts,
  cx7: facts.cx7.map((netdev) => (netdev.name === name ? { ...netdev, ...changes } : netdev)),
});
const shown = (looks: ReturnType<typeof twinLooks>) => looks.map(({ netdev, address }) => `${netdev} ${address}`);
const peersOf = (own: HostFacts, ...peers: HostFacts[]) => shown(peerLooks(own, peers));

const one = host({ enp1s0f0np0: "192.168.177.11/24", enP2p1s0f0np0: "192.168.178.11/24" });
const two = host({ enp1s0f1np1: "192.168.177.12/24", enP2p1s0f1np1: "192.168.178.12/24" });
const record = {} as HostRecord;

it("looks for peers in the subnets of its own, netdev by netdev", () => {
  const three = host({ enp1s0f0np0: "192.168.187.13/24" });
  expect(peersOf(one, two, three)).toEqual(["enp1s0f0np0 192.168.177.12", "enP2p1s0f0np0 192.168.178.12"]);
  expect(peersOf(two, one, three)).toEqual(["enp1s0f1np1 192.168.177.11", "enP2p1s0f1np1 192.168.178.11"]);
  expect(peersOf(three, one, two)).toEqual([]);
});

it("looks on every netdev where a subnet is on several, as 169.254.0.0/16 is", () => {
  const left = host({ enp1s0f0np0: "169.254.1.1/16", enp1s0f1np1: "169.254.1.2/16" });
  const right = host({ enp1s0f0np0: "169.254.2.1/16" });
  expect(peersOf(left, right)).toEqual(["enp1s0f0np0 169.254.2.1", "enp1s0f1np1 169.254.2.1"]);
});

it("takes each address once, by the prefix that its own netdev has, and none that is its own", () => {
  const small = host({ enp1s0f0np0: ["10.0.0.1/30", "10.0.0.9/30"] });
  const peer = host({ enp1s0f0np0: ["10.0.0.2/24", "10.0.0.5/24", "10.0.0.10/24"], enp1s0f1np1: "10.0.0.2/24" });
  expect(peersOf(small, peer)).toEqual(["enp1s0f0np0 10.0.0.2", "enp1s0f0np0 10.0.0.10"]);
  expect(peersOf(one, one)).toEqual([]);
});

it("asks nothing where there is no carrier, or the answer is known", () => {
  expect(peersOf(withNetdev(one, "enp1s0f0np0", { carrier: false }), two)).toEqual(["enP2p1s0f0np0 192.168.178.12"]);
  const neighbours = [{ mac: "02:00:00:00:00:01", address: "192.168.178.12" }];
  expect(peersOf(withNetdev(one, "enP2p1s0f0np0", { neighbours }), two)).toEqual(["enp1s0f0np0 192.168.177.12"]);
});

it("leaves hosts with a record to what that says", () => {
  const known = { ...one, record };
  expect(peersOf(known, { ...two, record })).toEqual([]);
  expect(peersOf(known, two)).toHaveLength(2);
  expect(peersOf(two, known)).toHaveLength(2);
});

it("is nothing for hosts without addresses on a live link", () => {
  expect(hasCx7Addresses(freshFacts)).toBe(false);
  expect(hasCx7Addresses(one)).toBe(true);
  const dark = one.cx7.reduce((facts, { name }) => withNetdev(facts, name, { carrier: false }), one);
  expect(hasCx7Addresses(dark)).toBe(false);
  expect(peersOf(dark, two)).toEqual([]);
});

describe("looks for each twin's address on the link of the other", () => {
  const both = ["enp1s0f0np0 192.168.178.11", "enP2p1s0f0np0 192.168.177.11"];

  it("where both have one and carry something", () => {
    expect(shown(twinLooks(one))).toEqual(both);
    expect(shown(twinLooks(freshFacts))).toEqual([]);
    expect(shown(twinLooks(host({ enp1s0f0np0: "192.168.177.11/24" })))).toEqual([]);
    expect(shown(twinLooks(withNetdev(one, "enP2p1s0f0np0", { carrier: false })))).toEqual([]);
    expect(shown(twinLooks(withNetdev(one, "enP2p1s0f0np0", { up: false })))).toEqual([]);
  });

  it("of its own port alone", () => {
    const ports = host({ enp1s0f0np0: "192.168.177.11/24", enP2p1s0f1np1: "192.168.188.11/24" });
    expect(shown(twinLooks(ports))).toEqual([]);
  });
});
