import type { Plan } from "./plan";

/** The mesh as a Markdown page: the stack's `readme` output, which Pulumi Cloud shows. */
export function renderReadme(plan: Plan): string {
  const hosts = plan.hosts.flatMap((host) =>
    host.netdevs.map(
      ({ netdev, port, address, mtu, peer }) =>
        `| ${host.name} | ${port} | ${netdev} | ${address} | ${mtu} | ${peer.host} ${peer.netdev} |`,
    ),
  );
  const cables = plan.cables.map(
    ({ ends: [a, b], subnets }) => `| ${a.host}/${a.port} | ${b.host}/${b.port} | ${subnets.join(", ")} |`,
  );
  return [
    `# A ${plan.topology} of ${plan.hosts.length} DGX Sparks`,
    "",
    "| from | to | subnets |",
    "|---|---|---|",
    ...cables,
    "",
    "| host | port | netdev | address | MTU (bytes) | peer |",
    "|---|---|---|---|---|---|",
    ...hosts,
    "",
  ].join("\n");
}
