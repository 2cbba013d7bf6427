import fc from "fast-check";
import { expect, it } from "vitest";
import {
  renderDeployDocument,
  renderImageDocument,
  renderModelDocument,
  renderReadyDocument,
} from "../../../plan/deployments/documents";
import type { DeploymentPlan, ModelPlan, RankPlan } from "../../../plan/deployments/plan";
import { article, deployed, fresh, planOf, recipeOf, unreachable } from "./deployed";

const OWNER = { stack: "organization/spark-mesh/home", operator: "me@laptop backend 0123abcd" };
const SCRIPTS = { start: "echo start\n", ranks: "echo ranks\n" };
const ring = planOf(fresh(article()));
const solo = planOf(fresh(recipeOf(1)));

/** Without the lines that every document begins with. */
const own = (text: string) =>
  text
    .replace(/^spark-mesh 1\n(host .*\n)stack .*\noperator .*\n/, "$1")
    .split("\n")
    .slice(0, -1);
const base64 = (text: string) => Buffer.from(text).toString("base64");
const deploy = (plan: DeploymentPlan, rank: number) =>
  own(renderDeployDocument(plan, plan.ranks[rank] as RankPlan, SCRIPTS, OWNER));
const valuesOf = (lines: readonly string[], key: string) =>
  lines.flatMap((line) => (line.split(" ")[0] === key ? [line.slice(key.length + 1)] : []));

it("tells the head which image, whereto, and the NCCL that a ring needs", () => {
  expect(own(renderImageDocument(ring, OWNER))).toEqual([
    "host spark-1",
    "image ghcr.io/spark-arena/dgx-vllm-eugr-nightly-tf5:latest",
    "target spark-2",
    "target spark-3",
    "nccl 2.30.7",
  ]);
  expect(own(renderImageDocument(solo, OWNER))).toEqual(["host spark-1", "image ghcr.io/acme/vllm:1"]);
  const two = planOf(fresh(recipeOf(2), [{}], { count: 2, wiring: "1/0-2/1" }));
  expect(own(renderImageDocument(two, OWNER))).toEqual(["host spark-1", "image ghcr.io/acme/vllm:1", "target spark-2"]);
});

it("tells the head what the image is built from, and what builds it only where it is to be built", () => {
  const commit = "c".repeat(40);
  const given = fresh(recipeOf(2, 'build_args: [--tf5, "$(id)"]\n'), [{}], {
    count: 2,
    wiring: "1/0-2/1",
    builds: { qwen: commit },
  });
  const wanted = ["target spark-2", `build ${commit}`, `argument ${base64("--tf5")}`, "argument JChpZCk="];
  const source = "A".repeat(100_000);
  expect(own(renderImageDocument(planOf(given), OWNER, source)).slice(2)).toEqual([
    ...wanted,
    `source ${"A".repeat(65_536)}`,
    `source ${"A".repeat(34_464)}`,
  ]);
  expect(own(renderImageDocument(planOf(deployed(given)), OWNER)).slice(2)).toEqual(wanted);
});

it("tells the head which model, and the token that its hub may ask for", () => {
  expect(own(renderModelDocument(ring, ring.models[0] as ModelPlan, OWNER, "hf_secret"))).toEqual([
    "host spark-1",
    "model Intel/Qwen3.5-397B-A17B-int4-AutoRound",
    "image ghcr.io/spark-arena/dgx-vllm-eugr-nightly-tf5:latest",
    "target spark-2",
    "target spark-3",
    `token ${base64("hf_secret")}`,
  ]);
  const pinned = planOf(fresh(recipeOf(1, "model_revision: refs/pr/1\n")));
  expect(own(renderModelDocument(pinned, pinned.models[0] as ModelPlan, OWNER))).toEqual([
    "host spark-1",
    "model Qwen/Qwen3-8B",
    "revision refs/pr/1",
    "image ghcr.io/acme/vllm:1",
  ]);
});

it("tells each host its rank, whose peers all are, and docker's words as they are", () => {
  const lines = deploy(ring, 1);
  const launch = ring.launch.ranks[1];
  expect(lines.slice(0, 10)).toEqual([
    "host spark-2",
    `digest ${launch?.digest}`,
    "deployment qwen",
    "rank 1",
    "container spark-mesh-qwen-1",
    "user nvidia",
    "peer 0 spark-1 10.0.0.11",
    "peer 1 spark-2 10.0.0.12",
    "peer 2 spark-3 10.0.0.13",
    "meeting 29501",
  ]);
  expect(valuesOf(lines, "folder")).toEqual(
    [".cache/huggingface", ".cache/vllm", ".cache/flashinfer", ".triton"].map((path) => `/home/nvidia/${path}`),
  );
  expect(valuesOf(lines, "program")).toEqual([base64("echo ranks\n")]);
  const words = valuesOf(lines, "argument").map((word) => Buffer.from(word, "base64").toString());
  expect(["docker", ...words]).toEqual(launch?.docker);
  expect(words.slice(0, 2)).toEqual(["run", "--detach"]);
});

it("brings start.sh and mods where there are mods, and nothing where there are none", () => {
  const given = fresh(recipeOf(1, "mods: [mods/fix-a]\n"));
  const files = [
    { path: "empty", mode: "644" as const, base64: "" },
    { path: "run.sh", mode: "755" as const, base64: base64("#!/bin/sh\n") },
  ];
  const recipes = new Map([...given.recipes].map(([name, read]) => [name, { ...read, mods: { "fix-a": files } }]));
  const plan = planOf({ ...given, recipes });
  expect(valuesOf(deploy(plan, 0), "file")).toEqual([
    `start.sh 755 ${base64("echo start\n")}`,
    "mods/fix-a/empty 644 -",
    `mods/fix-a/run.sh 755 ${base64("#!/bin/sh\n")}`,
  ]);
  expect(valuesOf(deploy(solo, 0), "file")).toEqual([]);
  // Another mod is another container.
  expect(planOf(given).ranks[0]?.launch.digest).not.toBe(plan.ranks[0]?.launch.digest);
});

it("tells the head whom to wait for, where, and how long", () => {
  expect(own(renderReadyDocument(ring, OWNER))).toEqual([
    "host spark-1",
    "deployment qwen",
    "container spark-mesh-qwen-0",
    "peer 0 spark-1 10.0.0.11",
    "peer 1 spark-2 10.0.0.12",
    "peer 2 spark-3 10.0.0.13",
    "endpoint 10.0.0.11 8000",
    "limit 3600",
  ]);
});

it("keeps every word of a recipe in a line of its own", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "binary" }).filter((text) => !text.includes("\0")),
      (value) => {
        const recipe = `env: { A: ${JSON.stringify(value)} }\n${recipeOf(1)}`;
        const lines = deploy(planOf(fresh(recipe)), 0);
        const words = valuesOf(lines, "argument").map((word) => Buffer.from(word, "base64").toString());
        expect(words[words.indexOf("--env") + 1]).toMatch(/^A=/);
        expect(lines.every((line) => /^[ -~]*$/.test(line))).toBe(true);
      },
    ),
    { numRuns: 30 },
  );
});

it("renders what is never sent to a host that can't be asked", () => {
  const gone = planOf(unreachable(deployed(fresh(article())), "spark-3"));
  expect(deploy(gone, 2)[0]).toBe("host spark-3");
  expect(valuesOf(deploy(gone, 2), "user")).toEqual([]);
});

it("refuses a value that would break out of its line", () => {
  const odd = { ...solo, ranks: solo.ranks.map((rank) => ({ ...rank, folders: ["/home/me\nuser root"] })) };
  expect(() => deploy(odd, 0)).toThrow(/spark-1: folder: found "\/home\/me\\nuser root"; allowed/);
});
