import { expect, it } from "vitest";
import { planMesh } from "../../plan/planMesh";
import { roceWarnings } from "../../plan/roce";
import { cluster, freshProbes } from "./hosts";

it.each([
  [4199, 2048, 2],
  [2151, 1024, 4],
  [1500, 1024, 4],
  [1280, 1024, 4],
])("says what RoCE loses with an MTU of %i", (mtu, payload, times) => {
  const [line, ...more] = roceWarnings(mtu);
  expect(more).toEqual([]);
  expect(line).toContain(`network.mtu: ${mtu} is below 4200`);
  expect(line).toContain(`carry ${payload} bytes instead of 4096, ${times} times`);
});

it("has nothing to say where RoCE's packets are whole", () => {
  expect([4200, 9000].flatMap(roceWarnings)).toEqual([]);
});

it("is a warning of the plan, whose netdevs have that MTU", () => {
  const wish = cluster({ network: { ...cluster().network, mtu: 1500 } });
  const plan = planMesh(wish, freshProbes());
  expect(plan.warnings).toEqual(roceWarnings(1500));
  expect(new Set(plan.hosts.flatMap(({ netdevs }) => netdevs.map(({ mtu }) => mtu)))).toEqual(new Set([1500]));
});
