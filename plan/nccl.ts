import type { HostPlan, Plan } from "./plan";

/** The netdev that NCCL, Gloo, TP, UCX, MPI and multi-node launchers meet over, before RDMA takes over. */
const BOOTSTRAP_VARIABLES = [
  "NCCL_SOCKET_IFNAME",
  "GLOO_SOCKET_IFNAME",
  "TP_SOCKET_IFNAME",
  "UCX_NET_DEVICES",
  "OMPI_MCA_btl_tcp_if_include",
  "MN_IF_NAME",
] as const;

/**
 * The environment of a rank on each host of a ring. NCCL_IB_GID_INDEX is left out on purpose: it differs per node and
 * moves. A host that can't be asked lacks what hangs on its management netdev.
 */
export function ncclEnv(plan: Plan): Readonly<Record<string, Readonly<Record<string, string>>>> {
  return Object.fromEntries(
    plan.hosts.filter(({ state }) => state !== "abandoned").map((host) => [host.name, ringVariables(host)]),
  );
}

function ringVariables(host: HostPlan): Readonly<Record<string, string>> {
  const { managementInterface, managementAddress, netdevs } = host;
  return {
    NCCL_NET_PLUGIN: "none",
    NCCL_IB_SUBNET_AWARE_ROUTING: "1",
    NCCL_IB_MERGE_NICS: "0",
    NCCL_IB_HCA: netdevs.map(({ roceDevice }) => roceDevice).join(","),
    NCCL_IGNORE_CPU_AFFINITY: "1",
    NCCL_IB_DISABLE: "0",
    NCCL_NET: "IB",
    ...(managementInterface ? Object.fromEntries(BOOTSTRAP_VARIABLES.map((name) => [name, managementInterface])) : {}),
    ...(managementAddress ? { VLLM_HOST_IP: managementAddress, RAY_NODE_IP_ADDRESS: managementAddress } : {}),
  };
}
