import { userInfo } from "node:os";
import { expect, it } from "vitest";
import { lookAt } from "../../cli/look";
import { renderSurvey } from "../../cli/report";
import type { Login, Probe } from "../../facts/hostFacts";
import { changeNetdev, cluster, freshProbes } from "../plan/hosts";

type Answers = ReadonlyMap<string, Probe>;

/** Hosts that give one answer after another, the last one for ever, and how often they were asked. */
function hosts(answers: readonly Answers[], logins: ReadonlyMap<string, Login> = new Map()) {
  const asked = { times: 0 };
  const gather = async () => ({
    probes: new Map(answers[Math.min(asked.times++, answers.length - 1)]),
    logins: new Map(logins),
  });
  return { asked, gather };
}

const well = freshProbes();
const unplugged = [0, 1].reduce<Map<string, Probe>>(
  (probes, twin) =>
    changeNetdev(probes, "spark-1", twin === 0 ? "enp1s0f0np0" : "enP2p1s0f0np0", (netdev) => ({
      ...netdev,
      carrier: false,
      neighbours: [],
    })),
  freshProbes(),
);
const without = (name: string, probe: Probe) => new Map(well).set(name, probe);
const off: Probe = { kind: "unreachable", reason: "no route to host" };

it("is one look where all is well", async () => {
  const { asked, gather } = hosts([well]);
  const look = await lookAt(cluster(), gather);
  expect([asked.times, look.problems, look.survey.topology]).toEqual([1, [], "ring"]);
  expect(renderSurvey(look)).toMatch(/\ntopology: ring\n$/);
});

it("finds hardware dead that is so at both looks", async () => {
  const { asked, gather } = hosts([unplugged]);
  const { problems, warnings } = await lookAt(cluster(), gather);
  expect(asked.times).toBe(2);
  expect(problems.join("\n")).toContain("spark-1");
  expect(warnings.join("\n")).not.toContain("seen once");
});

it("says what it saw once of a link that was coming up, as a warning", async () => {
  const { asked, gather } = hosts([unplugged, well]);
  const { problems, warnings } = await lookAt(cluster(), gather);
  expect([asked.times, problems]).toEqual([2, []]);
  expect(warnings.join("\n")).toMatch(/^seen once, and not when asked again: spark-1: /m);
});

it("names each host that is not reached, and counts nothing else among them", async () => {
  const { asked, gather } = hosts([without("spark-2", off)]);
  const look = await lookAt(cluster(), gather);
  expect(asked.times).toBeLessThanOrEqual(2);
  expect(look.problems[0]).toMatch(/^spark-2: unreachable \(no route to host\); check /);
  expect(look.unreached).toHaveLength(1);
  expect(renderSurvey(look)).toContain("1 of 3 hosts not reached:\n  spark-2: unreachable");
});

it("names all hosts where none is reached", async () => {
  const { gather } = hosts([new Map([...well.keys()].map((name) => [name, off]))]);
  const look = await lookAt(cluster(), gather);
  expect(look.unreached.map((line) => line.split(":")[0])).toEqual(["spark-1", "spark-2", "spark-3"]);
  expect(renderSurvey(look)).not.toContain("topology: ");
});

it("names the user where a login was refused and nobody had said one", async () => {
  const refused = without("spark-1", { kind: "denied", reason: "no key of ssh-agent" });
  const login = (user: string): ReadonlyMap<string, Login> =>
    new Map([["spark-1", { address: "10.0.0.11", port: 22, user, hostKey: "ssh-ed25519 AAAA" }]]);
  const own = hosts([refused], login(userInfo().username));
  const { problems } = await lookAt(cluster(), own.gather);
  expect(own.asked.times).toBe(1);
  expect(problems.join("\n")).toMatch(/spark-1: login denied .*user@10\.0\.0\.11/);
  const other = await lookAt(cluster(), hosts([refused], login("somebody")).gather);
  expect(other.problems.join("\n")).not.toContain("user@");
});
