import { endName, farEnds } from "./cabling/wires";
import type { Plan, Topology } from "./plan";
import { portKey } from "./views";

/** The mesh as a Markdown page: the stack's `readme` output, which Pulumi Cloud shows. */
export function renderReadme(plan: Plan): string {
  const far = farEnds(plan.cables);
  const hosts = plan.hosts.flatMap((host) =>
    host.netdevs.map(({ netdev, port, address, mtu, peers: [peer] }) => {
      const end = far.get(portKey({ host: host.name, port }));
      const faced = end && "switch" in end ? end.switch : `${peer?.host} ${peer?.netdev}`;
      return `| ${host.name} | ${port} | ${netdev} | ${address} | ${mtu} | ${faced} |`;
    }),
  );
  const cables = plan.cables.map(
    ({ ends: [a, b], subnets }) => `| ${portKey(a)} | ${endName(b)} | ${subnets.join(", ")} |`,
  );
  return [
    `# ${TITLES[plan.topology]} ${plan.hosts.length} DGX Sparks`,
    "",
    "| from | to | subnets |",
    "|---|---|---|",
    ...cables,
    "",
    "| host | port | netdev | address | MTU (bytes) | peer |",
    "|---|---|---|---|---|---|",
    ...hosts,
    "",
    ...trustLines(plan),
  ].join("\n");
}

function trustLines({ hosts }: Plan): readonly string[] {
  const peer = hosts.find(({ trust }) => trust)?.trust?.peers[0];
  return peer ? [`Every Spark logs in to every other by its name: \`ssh ${peer.identity.host}\`.`, ""] : [];
}

const TITLES: Readonly<Record<Topology, string>> = { direct: "A pair of", ring: "A ring of", switch: "A switch with" };
