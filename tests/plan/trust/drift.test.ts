import { describe, expect, it } from "vitest";
import type { Probe } from "../../../facts/hostFacts";
import type { TrustFacts, TrustStat } from "../../../facts/trustFacts";
import type { TrustFile } from "../../../facts/trustFiles";
import type { Plan } from "../../../plan/plan";
import { change } from "../hosts";
import { changeTrust, installed, planOf, trustedProbes, trustIn } from "./trusted";

const settled = trustedProbes();
const states = (plan: Plan) => plan.hosts.map(({ trust }) => trust?.state);
const said = (plan: Plan) =>
  plan.hosts.flatMap(({ trust }) =>
    (trust?.differences ?? []).map(
      ({ host, object, property, found, wanted }) =>
        `${host}: ${object}: ${property}: found ${found}, wanted ${wanted}`,
    ),
  );
const edited = (file: TrustFile, edit: (text: string) => string) =>
  changeTrust(settled, "spark-1", (trust) => ({
    ...trust,
    blocks: { ...trust.blocks, [file]: edit(`${trust.blocks[file]}`) },
  }));
const restat = (path: string, edit: Partial<TrustStat>) =>
  changeTrust(settled, "spark-1", (trust) => ({
    ...trust,
    stats: trust.stats.map((stat) => (stat.path === `~/.ssh/${path}` ? { ...stat, ...edit } : stat)),
  }));
const without = (trust: TrustFacts): TrustFacts => {
  const { publicKey: _, ...rest } = trust;
  return { ...rest, privateKey: false };
};

it("has nothing to say of hosts that are as they should be", () => {
  const plan = planOf(settled);
  expect(states(plan)).toEqual(["settled", "settled", "settled"]);
  expect(plan.hosts.map(({ trust }) => [trust?.note, trust?.keyDue, trust?.differences])).toEqual(
    plan.hosts.map(() => ["", false, []]),
  );
});

describe("drift on one host", () => {
  const key2 = "SHA256:8KYc+RZvMzSVNA5j/xiiHXPiTVATEVlXyjwxMNieIlY";
  const hostKey3 = "SHA256:Kk91+ha27LoDvMExwjWeFs5TsZdUZHuiK9V58R02SQI";
  const cases: readonly (readonly [string, Map<string, Probe>, string])[] = [
    [
      "a peer's key gone",
      edited("authorized_keys", (text) => text.replace(/^.* spark-mesh:spark-2\n/m, "")),
      `authorized_keys: key of spark-2: found none, wanted ${key2}`,
    ],
    [
      "a peer's key replaced",
      edited("authorized_keys", (text) => text.replace("KEY2", "KEY9")),
      `authorized_keys: key of spark-2: found SHA256:j4xH/Qmx1hXSc1o1D1zj4WlY0QB9A+bvoOr/JqIB8jU, wanted ${key2}`,
    ],
    [
      "a peer let in from elsewhere",
      edited("authorized_keys", (text) => text.replace('from="10.0.0.12,', 'from="')),
      'authorized_keys: line 2: found "restrict,pty,from="192.168.197.12,192.168.198.12,192.168.177...", wanted "restrict,pty,from="10.0.0.12,192.168.197.12,192.168.198.12,1..."',
    ],
    [
      "a foreign key in the block",
      edited("authorized_keys", (text) => text.replace("# END", "ssh-ed25519 EVIL \u001b[2Jme@there\n# END")),
      'authorized_keys: line 4: found "ssh-ed25519 EVIL ?[2Jme@there", wanted none',
    ],
    [
      "a line twice",
      edited("authorized_keys", (text) => text.replace(/^(.*spark-2\n)/m, "$1$1")),
      'authorized_keys: line 3: found "restrict,pty,from="10.0.0.12,192.168.197.12,192.168.198.12,1...", wanted none',
    ],
    [
      "lines in another order",
      edited("authorized_keys", (text) => text.replace(/^(.*spark-2\n)(.*spark-3\n)/m, "$2$1")),
      "authorized_keys: block: found lines in another order, wanted by number",
    ],
    [
      "a host key gone",
      edited("known_hosts", (text) => text.replace(/^spark-3,.*\n/m, "")),
      `known_hosts: host key of spark-3: found none, wanted ${hostKey3}`,
    ],
    [
      "a host key replaced",
      edited("known_hosts", (text) => text.replace("HST3", "HST9")),
      `known_hosts: host key of spark-3: found SHA256:WljFIXip5fooVX42Tmumm3whWJ0CMGMDBWrVXOXBzUg, wanted ${hostKey3}`,
    ],
    [
      "a name of a host key gone",
      edited("known_hosts", (text) => text.replace(",192.168.198.13", "")),
      'known_hosts: line 3: found "...88.13,192.168.197.13 ssh-ed25519 HST3HST3", wanted "...88.13,192.168.197.13,192.168.198.13 ssh-ed25519 HST3HST3"',
    ],
    [
      "an option replaced",
      edited("config", (text) => text.replace("StrictHostKeyChecking yes", "StrictHostKeyChecking no")),
      'config: line 10: found "StrictHostKeyChecking no", wanted "StrictHostKeyChecking yes"',
    ],
    [
      "a block cut short",
      edited("config", (text) => text.replace("Match all\n", "")),
      'config: line 26: found "# END spark-mesh", wanted "Match all"',
    ],
    [
      "a block gone",
      changeTrust(settled, "spark-1", (trust) => ({ ...trust, blocks: { ...trust.blocks, config: null } })),
      "config: block: found none, wanted present",
    ],
    ["a file that others may write", restat("config", { mode: "666" }), "config: mode: found 666, wanted 644"],
    ["our folder open", restat("spark-mesh", { mode: "755" }), "spark-mesh: mode: found 755, wanted 700"],
    [
      "a private key that others may read",
      restat("spark-mesh/id_ed25519", { mode: "644" }),
      "spark-mesh/id_ed25519: mode: found 644, wanted 600",
    ],
    ["somebody else's file", restat("config", { owner: "root" }), "config: owner: found root, wanted nvidia"],
    [
      "a folder in place of a file",
      restat("config", { type: "directory", mode: "777", owner: "root" }),
      "config: type: found directory, wanted regular file",
    ],
    [
      "a damaged record",
      changeTrust(settled, "spark-1", (trust) => ({ ...trust, record: "damaged" })),
      "spark-mesh: record: found damaged, wanted as written",
    ],
  ];
  it.each(cases)("%s", (_title, probes, line) => {
    const plan = planOf(probes);
    expect(said(plan)).toEqual([`spark-1: ~/.ssh/${line}`]);
    expect(states(plan)).toEqual(["due", "settled", "settled"]);
    expect(plan.hosts.map(({ state, trust }) => [state, trust?.keyDue])).toEqual(Array(3).fill(["settled", false]));
    expect(trustIn(plan, "spark-1").note).toMatch(/^[A-Za-z0-9 .,:/=_-]+, ssh=[0-9a-f]{12}$/);
    expect(states(planOf(installed(probes)))).toEqual(["settled", "settled", "settled"]);
  });

  it("is another drift when it comes back", () => {
    const again = (ctime: string) => trustIn(planOf(restat("config", { mode: "666", ctime })), "spark-1").note;
    expect(again("1700000001.5")).not.toBe(again("1700000002.5"));
  });

  it("is no drift while a mode keeps others from writing, or a file is empty", () => {
    expect(states(planOf(restat("spark-mesh", { mode: "2700" })))).toEqual(["settled", "settled", "settled"]);
    expect(states(planOf(restat("authorized_keys", { mode: "644" })))).toEqual(["settled", "settled", "settled"]);
    expect(states(planOf(restat("config", { type: "regular empty file" })))).toEqual(["settled", "settled", "settled"]);
  });
});

describe("a key pair", () => {
  const everywhere = ["due", "due", "due"];

  it.each([
    ["gone", (trust: TrustFacts) => without(trust), "found none, wanted one of this host's own"],
    [
      "without its private half",
      (trust: TrustFacts) => ({ ...trust, privateKey: false }),
      "found no private half, wanted one of this host's own",
    ],
  ])("that is %s is made anew, and every host is told", (_title, edit, line) => {
    const probes = changeTrust(settled, "spark-2", edit);
    const plan = planOf(probes);
    expect(said(plan)).toEqual([`spark-2: ~/.ssh/spark-mesh/id_ed25519: key pair: ${line}`]);
    expect(plan.hosts.map(({ trust }) => [trust?.state, trust?.keyDue])).toEqual([
      ["due", false],
      ["due", true],
      ["due", false],
    ]);
    const after = planOf(installed(probes, undefined, "NEW"));
    expect(states(after)).toEqual(["settled", "settled", "settled"]);
    expect(trustIn(after, "spark-1").blocks?.authorized_keys).toContain("NEW2NEW2");
  });

  it("that isn't the one that we made is replaced", () => {
    const plan = planOf(changeTrust(settled, "spark-2", (trust) => ({ ...trust, publicKey: "ssh-ed25519 MINEMINE" })));
    expect(said(plan)).toEqual([
      "spark-2: ~/.ssh/spark-mesh/id_ed25519: public key: found SHA256:+weNC2sdyDF0dz6b1Yu0W43CSSnOidmydgAY4/eR29Y, wanted SHA256:8KYc+RZvMzSVNA5j/xiiHXPiTVATEVlXyjwxMNieIlY",
    ]);
    expect(states(plan)).toEqual(everywhere);
  });

  it("that its owner wants replaced is, and that is no drift", () => {
    const plan = planOf(changeTrust(settled, "spark-2", (trust) => ({ ...trust, rotate: true })));
    expect(plan.warnings).toEqual([
      "spark-2: ~/.ssh/spark-mesh/id_ed25519: a new key pair is asked for; `up` makes it, and replaces the old key on every host",
    ]);
    expect(said(plan)).toEqual([]);
    expect(states(plan)).toEqual(everywhere);
    expect(trustIn(plan, "spark-2").note).toMatch(/^a new key was asked for, ssh=/);
    expect(trustIn(plan, "spark-1").note).toMatch(/^the wish changed, ssh=/);
  });

  it("of one host that is replaced hides no drift of another", () => {
    const foreign = edited("authorized_keys", (text) => text.replace("# END", "ssh-ed25519 EVIL\n# END"));
    const plan = planOf(changeTrust(foreign, "spark-2", without));
    expect(said(plan)).toContain('spark-1: ~/.ssh/authorized_keys: line 4: found "ssh-ed25519 EVIL", wanted none');
    expect(said(plan)).toHaveLength(2);
  });
});

it("has no drift on hosts that tell nothing of ~/.ssh, and makes a key there", () => {
  const plan = planOf(
    change(settled, "spark-3", (facts) => {
      const { trust: _, ...others } = facts;
      return others;
    }),
  );
  expect(said(plan)).toEqual([]);
  expect(plan.hosts.map(({ trust }) => [trust?.state, trust?.keyDue])).toEqual([
    ["due", false],
    ["due", false],
    ["due", true],
  ]);
  expect(trustIn(plan, "spark-3").note).toMatch(/^first visit, /);
});

it("stops `up` at a block whose end nobody can tell", () => {
  const plan = planOf(
    changeTrust(settled, "spark-1", (trust) => ({ ...trust, blocks: { ...trust.blocks, known_hosts: false } })),
  );
  expect(plan.blockers).toEqual([
    'spark-1: ~/.ssh/known_hosts: can\'t be read, or has not exactly one line "# END spark-mesh" for its line "# BEGIN spark-mesh"; make it readable, or take out what spark-mesh wrote there',
  ]);
  expect(states(plan)).toEqual(["due", "settled", "settled"]);
});
