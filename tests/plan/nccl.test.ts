import { expect, it } from "vitest";
import { ncclEnv } from "../../plan/nccl";
import { planMesh } from "../../plan/planMesh";
import { cluster, freshProbes, settledProbes } from "./hosts";

const plan = planMesh(cluster(), freshProbes());

it("gives a ring its three, the devices that face peers, and the management netdev", () => {
  expect(ncclEnv(plan)["spark-2"]).toEqual({
    NCCL_NET_PLUGIN: "none",
    NCCL_IB_SUBNET_AWARE_ROUTING: "1",
    NCCL_IB_MERGE_NICS: "0",
    NCCL_IB_HCA: "rocep1s0f0,roceP2p1s0f0,rocep1s0f1,roceP2p1s0f1",
    NCCL_IGNORE_CPU_AFFINITY: "1",
    NCCL_IB_DISABLE: "0",
    NCCL_NET: "IB",
    NCCL_SOCKET_IFNAME: "enP7s7",
    GLOO_SOCKET_IFNAME: "enP7s7",
    TP_SOCKET_IFNAME: "enP7s7",
    UCX_NET_DEVICES: "enP7s7",
    OMPI_MCA_btl_tcp_if_include: "enP7s7",
    MN_IF_NAME: "enP7s7",
    VLLM_HOST_IP: "10.0.0.12",
    RAY_NODE_IP_ADDRESS: "10.0.0.12",
  });
});

it("leaves out what an unreachable host would have to say, and abandoned hosts", () => {
  const probes = settledProbes(plan, freshProbes());
  const gone = planMesh(cluster(), probes.set("spark-3", { kind: "unreachable", reason: "no route to host" }));
  expect(ncclEnv(gone)["spark-3"]).toMatchObject({ NCCL_IB_HCA: "rocep1s0f0,roceP2p1s0f0,rocep1s0f1,roceP2p1s0f1" });
  expect(ncclEnv(gone)["spark-3"]).not.toHaveProperty("NCCL_SOCKET_IFNAME");
  expect(Object.keys(ncclEnv(planMesh(cluster({ abandon: ["spark-3"] }), probes)))).toEqual(["spark-1", "spark-2"]);
});
