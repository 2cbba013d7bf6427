import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { Lab } from "../../lab/hosts/lab";
import { inside } from "../inside";
import { deployDocument, operate } from "./deployments";

let lab: Lab;

beforeAll(async () => {
  lab = await Lab.up({ name: "test-reach", stackFile: false, fresh: true, docker: true });
});

afterEach(() =>
  Promise.all(lab.hosts.map(({ name }) => inside(lab, name, "nft delete table inet wall 2>/dev/null; true"))),
);

afterAll(() => lab?.down());

/** A firewall on a host for TCP that begins elsewhere. */
const wall = (host: string, rule: string) =>
  inside(
    lab,
    host,
    `nft add table inet wall && nft 'add chain inet wall in { type filter hook input priority 0; }' &&
     nft 'add rule inet wall in tcp flags & (syn | ack) == syn ${rule}'`,
  );

/** What a rank's deploy says, which ends at the latest where its image is not to be found; what it left, too. */
async function deploy(rank: number): Promise<string[]> {
  const { code, stderr, seconds } = await operate(lab, rank, "deploy", deployDocument(lab, rank));
  expect(code).not.toBe(0);
  expect(seconds).toBeLessThan(10);
  expect(await inside(lab, lab.hosts[rank]?.name ?? "", "find /var/lib /run /etc -xdev -name '*spark-mesh*'")).toBe("");
  return stderr.trim().split("\n");
}

const address = (rank: number) => lab.hosts[rank]?.address;
const noImage = (host: string) => expect.stringMatching(`^${host}: image \\S+: found none here`);
const remedy = (rank: number) =>
  `see that spark-1 is up, and open its firewall to ${address(rank)} (sudo ufw allow proto tcp from ${address(rank)}, or the same in its nftables rules)`;

test("where nobody listens yet, and where somebody does, the way is open", async () => {
  expect(await Promise.all([0, 1, 2].map(deploy))).toEqual(lab.hosts.map(({ name }) => [noImage(name)]));
  await inside(
    lab,
    "spark-1",
    `systemd-run --quiet --unit listen python3 -m http.server --bind ${address(0)} 29501; for i in {1..50}; do ! ss -Hltn | grep -q :29501 || exit 0; sleep 0.1; done; exit 1`,
  );
  expect(await deploy(1)).toEqual([noImage("spark-2")]);
  await inside(lab, "spark-1", "systemctl stop listen");
});

test.each([
  ["tcp dport 29501 drop", "TCP port 29501", "no answer within 3 s", "it open"],
  ["tcp dport 32768-60999 drop", "TCP ports 32768, 60999", "no answer within 3 s", "them open"],
  [
    "tcp dport != 22 reject with icmpx admin-prohibited",
    "TCP ports 29499, 29501, 32768, 60999",
    "a refusal on the way (No route to host)",
    "them open",
  ],
  [
    "tcp dport 60999 reject with icmpx host-unreachable",
    "TCP port 60999",
    "a refusal on the way (No route to host)",
    "it open",
  ],
])("%s on the head is a fault of each worker before it touches anything", async (rule, ports, found, wanted) => {
  await wall("spark-1", rule);
  expect(await Promise.all([1, 2].map(deploy))).toEqual(
    [1, 2].map((rank) => [
      `spark-${rank + 1}: ${ports} of spark-1 (${address(0)}): found ${found}, wanted ${wanted} to the Sparks; ${remedy(rank)}`,
    ]),
  );
  // What is closed on the head alone is nothing to itself.
  expect(await deploy(0)).toEqual([noImage("spark-1")]);
});

test("ranks meet on the head alone: where a worker closes that port nothing is wrong", async () => {
  await wall("spark-2", "tcp dport 29501 drop");
  expect(await deploy(0)).toEqual([noImage("spark-1")]);
});

test("no way into the network, and a host that is off, are told from a firewall", async () => {
  await inside(lab, "spark-2", `ip route add throw ${address(0)}/32`);
  const [apart] = await deploy(1);
  await inside(lab, "spark-2", `ip route del throw ${address(0)}/32`);
  expect(apart).toBe(
    `spark-2: TCP ports 29499, 29501, 32768, 60999 of spark-1 (${address(0)}): found Network is unreachable, wanted them open to the Sparks; see the routes here: ip route get ${address(0)}`,
  );
  await lab.kill("spark-1");
  // As it is once the host has been off for some minutes.
  await inside(lab, "spark-2", "ip neigh flush all");
  const [off] = await deploy(1);
  await lab.boot("spark-1");
  expect(off).toBe(
    `spark-2: spark-1 (${address(0)}): found no such host on the network, wanted it up; see its power, its cable and its address`,
  );
});
