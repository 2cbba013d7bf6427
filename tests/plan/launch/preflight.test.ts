import { expect, it } from "vitest";
import { judgeLaunches } from "../../../plan/launch/preflight";
import { planMesh } from "../../../plan/planMesh";
import { cluster, freshProbes } from "../hosts";
import { launch, sparks, withCommand } from "../recipe/recipes";

const ring = planMesh(cluster(), freshProbes());
const GIB = 1024 ** 3;

const solo = (name: string, host: number, port: number, share = 0.4) =>
  launch(withCommand(`vllm serve {model} --port ${port} --gpu-memory-utilization ${share}`), {
    name,
    hosts: sparks(3).slice(host - 1, host),
  });
const pair = (name: string, port: number) =>
  launch(
    withCommand(`vllm serve {model} -tp 2 --port ${port} --gpu-memory-utilization 0.4`),
    { name, hosts: sparks(2) },
    ring,
  );

it("lets deployments share a host while its GPU and its ports are enough", () => {
  expect(judgeLaunches([solo("a", 1, 8000), solo("b", 1, 8001), solo("c", 2, 8000)], new Map())).toEqual([]);
});

it("refuses a port or a GPU that is wanted twice", () => {
  expect(judgeLaunches([solo("a", 1, 8000), solo("b", 1, 8000)], new Map())).toEqual([
    "spark-1: port 8000 is wanted by a and b; override port of one of them",
  ]);
  expect(judgeLaunches([pair("a", 8000), pair("b", 8001)], new Map())).toEqual([
    "spark-1: port 29501 is wanted by a and b; override master_port of one of them",
  ]);
  expect(judgeLaunches([solo("a", 1, 8000, 0.7), solo("b", 1, 8001, 0.7)], new Map())).toEqual([
    "spark-1: its one GPU is wanted by a 0.7, b 0.7 (gpu_memory_utilization), together more than 1; lower them, or choose other hosts",
  ]);
});

it("refuses weights that don't fit, where recipe and host say how much there is", () => {
  const big = (metadata: string) =>
    launch(
      `metadata: ${metadata}\n${withCommand("vllm serve {model} -pp 3 --gpu-memory-utilization 0.7")}`,
      { name: "big", hosts: sparks(3) },
      ring,
    );
  const memory = new Map([
    ["spark-1", 120 * GIB],
    ["spark-2", 60 * GIB],
  ]);
  const said = [
    "spark-2: a rank of big has 62 GiB of weights, but 0.7 of its memory is 42 GiB; more ranks, or a smaller model",
  ];
  expect(judgeLaunches([big("{ model_params: 397B, model_dtype: int4 }")], memory)).toEqual(said);
  expect(judgeLaunches([big("{ model_vram: 186 }")], memory)).toEqual(said);
  expect(judgeLaunches([big("{ model_params: 122B-A10B, model_dtype: nvfp4 }")], memory)).toEqual([]);
  expect(judgeLaunches([big("{ model_params: 122B, model_dtype: nvfp4 }")], memory)).toEqual([]);
});
