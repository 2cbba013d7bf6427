import { describe, expect, it } from "vitest";
import type { TrustBlocks } from "../../../plan/plan";
import { declared, onSwitch } from "../hosts";
import { planOf, trustedProbes, trustIn, trusting } from "./trusted";

/** All three files of one host, as a person would read them. */
function blocksOf(host: string, wiring: string, count: number): TrustBlocks {
  const config = trusting({ cables: declared(wiring) }, count);
  const { blocks } = trustIn(planOf(trustedProbes(config, wiring), config), host);
  if (!blocks) throw new Error("a key is missing");
  return blocks;
}

const RING_OF_FOUR = "1/0-2/1 2/0-3/1 3/0-4/1 4/0-1/1";
const hostNames = (config: string) =>
  config.match(/^Host \S+\n {2}HostName .*$/gm)?.map((stanza) => stanza.replace("\n  HostName", " ->"));

describe("the blocks of a ring of three, where spark-2 has another user and port", () => {
  const { authorized_keys, known_hosts, config } = blocksOf("spark-1", "1/0-2/1 2/0-3/1 3/0-1/1", 3);

  it("let every other host in from its own addresses", () => {
    expect(authorized_keys).toMatchInlineSnapshot(`
      "# BEGIN spark-mesh: written by pulumi up, changes are undone
      restrict,pty,from="10.0.0.12,192.168.197.12,192.168.198.12,192.168.177.12,192.168.178.12" ssh-ed25519 KEY2KEY2 spark-mesh:spark-2
      restrict,pty,from="10.0.0.13,192.168.187.13,192.168.188.13,192.168.197.13,192.168.198.13" ssh-ed25519 KEY3KEY3 spark-mesh:spark-3
      # END spark-mesh
      "
    `);
  });

  it("know one key of each for all its names and addresses", () => {
    expect(known_hosts).toMatchInlineSnapshot(`
      "# BEGIN spark-mesh: written by pulumi up, changes are undone
      spark-2,10.0.0.12,192.168.197.12,192.168.198.12,192.168.177.12,192.168.178.12,[10.0.0.12]:2222,[192.168.197.12]:2222,[192.168.198.12]:2222,[192.168.177.12]:2222,[192.168.178.12]:2222 ssh-ed25519 HST2HST2
      spark-3,10.0.0.13,192.168.187.13,192.168.188.13,192.168.197.13,192.168.198.13 ssh-ed25519 HST3HST3
      # END spark-mesh
      "
    `);
  });

  it("go to each over the cable, and leave the user's own lines as they are", () => {
    expect(config).toMatchInlineSnapshot(`
      "# BEGIN spark-mesh: written by pulumi up, changes are undone
      Host spark-2
        HostName 192.168.177.12
      Host spark-2 10.0.0.12 192.168.197.12 192.168.198.12 192.168.177.12 192.168.178.12
        User second
        Port 2222
        HostKeyAlias spark-2
        IdentityFile ~/.ssh/spark-mesh/id_ed25519
        IdentitiesOnly yes
        StrictHostKeyChecking yes
        UserKnownHostsFile ~/.ssh/known_hosts
        UpdateHostKeys no
        ProxyJump none
      Host spark-3
        HostName 192.168.187.13
      Host spark-3 10.0.0.13 192.168.187.13 192.168.188.13 192.168.197.13 192.168.198.13
        User nvidia
        Port 22
        HostKeyAlias spark-3
        IdentityFile ~/.ssh/spark-mesh/id_ed25519
        IdentitiesOnly yes
        StrictHostKeyChecking yes
        UserKnownHostsFile ~/.ssh/known_hosts
        UpdateHostKeys no
        ProxyJump none
      Match all
      # END spark-mesh
      "
    `);
  });
});

describe("where `ssh NAME` goes", () => {
  it("is the first subnet of a switch", () => {
    const { config } = blocksOf("spark-2", onSwitch(4, [0, 1]), 4);
    expect(hostNames(config)).toEqual([
      "Host spark-1 -> 192.168.177.11",
      "Host spark-3 -> 192.168.177.13",
      "Host spark-4 -> 192.168.177.14",
    ]);
  });

  it("is the management address where no cable leads there", () => {
    const { config } = blocksOf("spark-1", RING_OF_FOUR, 4);
    expect(hostNames(config)).toEqual([
      "Host spark-2 -> 192.168.177.12",
      "Host spark-3 -> 10.0.0.13",
      "Host spark-4 -> 192.168.207.14",
    ]);
  });
});

describe("the addresses that verify logs in at", () => {
  it("are those that lie in a subnet of this host, and the management address", () => {
    const config = trusting({ cables: declared(RING_OF_FOUR) }, 4);
    const plan = planOf(trustedProbes(config, RING_OF_FOUR), config);
    expect(trustIn(plan, "spark-1").peers.map(({ identity, logins }) => [identity.host, logins])).toEqual([
      ["spark-2", ["10.0.0.12", "192.168.177.12", "192.168.178.12"]],
      ["spark-3", ["10.0.0.13"]],
      ["spark-4", ["10.0.0.14", "192.168.207.14", "192.168.208.14"]],
    ]);
  });

  it("are all of a switch", () => {
    const config = trusting({}, 4);
    const plan = planOf(trustedProbes(config, onSwitch(4, [0, 1])), config);
    expect(trustIn(plan, "spark-1").peers[2]?.logins).toEqual([
      "10.0.0.14",
      "192.168.177.14",
      "192.168.187.14",
      "192.168.178.14",
      "192.168.188.14",
    ]);
  });
});
