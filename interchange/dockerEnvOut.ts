import { bareAddress } from "../config/bareAddress";
import { Faults } from "../config/faults";
import type { NetdevPlan } from "../plan/plan";
import { type Exported, type ExportedMesh, type Member, membersOf, usersOf } from "./exported";

const HEADER = "# Cluster configuration written by spark-mesh";

/** What is ours in a .env: it goes where the mesh has nothing to say of it. */
const OWN_KEYS: readonly string[] = [
  "CLUSTER_NODES",
  "COPY_HOSTS",
  "LOCAL_IP",
  "ETH_IF",
  "IB_IF",
  "CLUSTER_LINKS",
  "CONTAINER_NCCL_NET_PLUGIN",
  "CONTAINER_NCCL_IB_SUBNET_AWARE_ROUTING",
  "CONTAINER_NCCL_IB_MERGE_NICS",
  "CONTAINER_NCCL_ALGO",
];

type Values = Readonly<Record<string, string>>;

/**
 * The mesh for spark-vllm-docker's .env, which lies beside its launch-cluster.sh on the head. As its own setup has it:
 * where every host has one cable on the same port, over CX7; else over the management netdev, with the rails of every
 * cable in CLUSTER_LINKS.
 *
 * @param previous the .env that is there: its other lines stay as they are.
 * @throws Faults where its one ETH_IF can't serve all hosts.
 */
export function writeDockerEnv(mesh: ExportedMesh, previous = ""): Exported {
  const members = membersOf(mesh);
  const values = overCx7(mesh, members) ?? overManagement(mesh, members);
  const users = usersOf(members);
  const [head] = members;
  return {
    text: `${othersOf(previous)}${[HEADER, ...Object.entries(values).map(assignment)].join("\n")}\n`,
    notes: [
      ...(users.length > 1 ? [`user: found ${users.join(", ")}; spark-vllm-docker uses one name on all hosts`] : []),
      `${head?.planned.name}: it has to reach the others (${values.CLUSTER_NODES}) by SSH without a password`,
    ],
  };
}

function assignment([key, value]: readonly [string, string]): string {
  return key === "CLUSTER_LINKS" ? `${key}='${value}'` : `${key}=${value}`;
}

/** The lines that are somebody else's, each with its end. */
function othersOf(previous: string): string {
  const lines = previous.split("\n").filter((line) => {
    const key = line.split("=")[0]?.trim() ?? "";
    return line.trim() !== HEADER && !OWN_KEYS.includes(key);
  });
  const text = lines.join("\n");
  return text === "" || text.endsWith("\n") ? text : `${text}\n`;
}

/** Undefined where one netdev's name and one pair of RoCE devices don't hold for all hosts. */
function overCx7({ plan }: ExportedMesh, members: readonly Member[]): Values | undefined {
  const [first, ...others] = members.map(({ planned }) => planned.netdevs);
  const shapeOf = (netdevs: readonly NetdevPlan[]) =>
    netdevs.map(({ netdev, roceDevice }) => `${netdev} ${roceDevice}`);
  const isSame = first && others.every((netdevs) => shapeOf(netdevs).join() === shapeOf(first).join());
  const [netdev] = first ?? [];
  if (plan.topology === "ring" || !isSame || !netdev || first.length !== 2) return undefined;
  const addresses = members.map(({ planned }) => bareAddress(planned.netdevs[0]?.address ?? ""));
  return {
    CLUSTER_NODES: addresses.join(","),
    COPY_HOSTS: addresses.slice(1).join(","),
    LOCAL_IP: addresses[0] ?? "",
    ETH_IF: netdev.netdev,
    IB_IF: roceDevices(members),
  };
}

function overManagement({ plan }: ExportedMesh, unordered: readonly Member[]): Values {
  const members = plan.topology === "ring" ? alongRing(unordered) : unordered;
  const nodes = members.flatMap(({ planned }) => planned.managementAddress ?? []);
  const interfaces = [...new Set(members.map(({ planned }) => planned.managementInterface))];
  const faults = members
    .filter(({ planned }) => planned.managementAddress === undefined)
    .map(({ planned: { name } }) => `${name}: management address not known; bring it up, then run this again`);
  const [netdev, ...more] = interfaces;
  if (more.length > 0) {
    const found = members.map(({ planned }) => `${planned.managementInterface} (${planned.name})`);
    faults.push(`ETH_IF: found ${found.join(", ")}; spark-vllm-docker takes one name for all hosts`);
  }
  if (faults.length > 0) throw new Faults("the .env file", faults);
  return {
    CLUSTER_NODES: nodes.join(","),
    LOCAL_IP: nodes[0] ?? "",
    ETH_IF: netdev ?? "",
    IB_IF: roceDevices(members),
    CLUSTER_LINKS: JSON.stringify(linksOf(members)),
    ...(plan.topology === "ring" && {
      CONTAINER_NCCL_NET_PLUGIN: "none",
      CONTAINER_NCCL_IB_SUBNET_AWARE_ROUTING: "1",
      CONTAINER_NCCL_IB_MERGE_NICS: "0",
    }),
    ...(plan.topology === "ring" && members.length > 3 && { CONTAINER_NCCL_ALGO: "Ring" }),
  };
}

/** From the head on to its neighbour of the lower rank, as spark-vllm-docker wants it of rings without diagonals. */
function alongRing(members: readonly Member[]): readonly Member[] {
  const ordered: Member[] = [];
  for (let next: Member | undefined = members[0]; next; ) {
    const { netdevs } = next.planned;
    ordered.push(next);
    next = members.find(
      (member) =>
        !ordered.includes(member) &&
        netdevs.some(({ peers }) => peers.some(({ host }) => host === member.planned.name)),
    );
  }
  return ordered;
}

/** Every rail of every cable: the two hosts' addresses on it, by management address. */
function linksOf(members: readonly Member[]): readonly Values[] {
  return members.flatMap(({ planned }, rank) =>
    planned.netdevs.flatMap(({ address, peers }) =>
      peers.flatMap((peer): Values[] => {
        const far = members.findIndex((member) => member.planned.name === peer.host);
        const [own, other] = [planned.managementAddress, members[far]?.planned.managementAddress];
        if (far < rank || own === undefined || other === undefined) return [];
        return [{ [own]: bareAddress(address), [other]: peer.address }];
      }),
    ),
  );
}

/** Of all hosts, in the order of ports and twins. */
function roceDevices(members: readonly Member[]): string {
  const netdevs = members.flatMap(({ planned }) => planned.netdevs);
  const sorted = [...netdevs].sort((a, b) => a.port - b.port || a.twin - b.twin);
  return [...new Set(sorted.map(({ roceDevice }) => roceDevice))].join(",");
}
