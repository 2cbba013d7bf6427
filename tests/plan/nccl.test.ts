import { describe, expect, it } from "vitest";
import { ncclEnv } from "../../plan/nccl";
import type { Plan } from "../../plan/plan";
import { planMesh } from "../../plan/planMesh";
import { cluster, declared, freshProbes, onSwitch, settledProbes } from "./hosts";

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

describe("the other topologies, and a part of a mesh", () => {
  const ringVariables = ["NCCL_NET_PLUGIN", "NCCL_IB_SUBNET_AWARE_ROUTING", "NCCL_IB_MERGE_NICS", "NCCL_ALGO"];
  const env = (plan: Plan, hosts?: readonly string[]) => {
    const all = ncclEnv(plan, hosts);
    return Object.fromEntries(
      Object.entries(all).map(([host, one]) => [
        host,
        { devices: one.NCCL_IB_HCA, ring: ringVariables.filter((name) => name in one) },
      ]),
    );
  };
  const RING = "1/0-2/1 2/0-3/1 3/0-4/1 4/0-1/1";
  const four = planMesh(cluster({ cables: declared(RING) }, 4), freshProbes(RING, 4));

  it("has no ring's variables for a pair or on a switch", () => {
    const pair = planMesh(cluster({}, 2), freshProbes("1/1-2/0", 2));
    expect(env(pair)).toEqual({
      "spark-1": { devices: "rocep1s0f1,roceP2p1s0f1", ring: [] },
      "spark-2": { devices: "rocep1s0f0,roceP2p1s0f0", ring: [] },
    });
    expect(ncclEnv(pair)["spark-1"]).toMatchObject({ NCCL_SOCKET_IFNAME: "enP7s7", VLLM_HOST_IP: "10.0.0.11" });
    const both = planMesh(cluster({}, 3), freshProbes(onSwitch(3, [0, 1]), 3));
    expect(env(both, ["spark-3", "spark-1"])).toEqual({
      "spark-1": { devices: "rocep1s0f0,roceP2p1s0f0,rocep1s0f1,roceP2p1s0f1", ring: [] },
      "spark-3": { devices: "rocep1s0f0,roceP2p1s0f0,rocep1s0f1,roceP2p1s0f1", ring: [] },
    });
    expect(Object.keys(ncclEnv(both, ["spark-3", "spark-1"]))).toEqual(["spark-1", "spark-3"]);
  });

  it("takes two neighbours in a ring for a pair, by the devices between them", () => {
    expect(env(plan, ["spark-2", "spark-3"])).toEqual({
      "spark-2": { devices: "rocep1s0f0,roceP2p1s0f0", ring: [] },
      "spark-3": { devices: "rocep1s0f1,roceP2p1s0f1", ring: [] },
    });
    expect(ncclEnv(plan, ["spark-1", "spark-2", "spark-3"])).toEqual(ncclEnv(plan));
  });

  it("names the algorithm in a ring of four and more alone", () => {
    expect(ncclEnv(four)["spark-1"]).toMatchObject({ NCCL_ALGO: "Ring", NCCL_IB_SUBNET_AWARE_ROUTING: "1" });
    expect(ncclEnv(plan)["spark-1"]).not.toHaveProperty("NCCL_ALGO");
  });

  it("refuses hosts that don't reach each other, by name", () => {
    expect(() => ncclEnv(four, ["spark-1", "spark-3"])).toThrow(
      "spark-1: no cable and no switch joins it to spark-3; choose hosts that reach one another, or all of a ring",
    );
    expect(() => ncclEnv(four, ["spark-1", "spark-2", "spark-3"])).toThrow(/spark-1: .* spark-3/);
  });

  it("asks one host alone for no device", () => {
    expect(ncclEnv(plan, ["spark-1"])["spark-1"]).not.toHaveProperty("NCCL_IB_HCA");
  });
});
