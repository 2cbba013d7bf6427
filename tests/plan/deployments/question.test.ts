import { expect, it } from "vitest";
import { renderDockerQuestion } from "../../../facts/docker";
import { deploymentQuestion } from "../../../plan/deployments/launches";
import { article, type Case, fresh, recipeOf } from "./deployed";

const questionOf = ({ cluster, recipes }: Case) => deploymentQuestion(cluster, recipes);
const IMAGE = "ghcr.io/spark-arena/dgx-vllm-eugr-nightly-tf5:latest";

it("asks each host for what its ranks need, and heads for their ports and endpoints", () => {
  const question = questionOf(fresh(article()));
  const models = [{ id: "Intel/Qwen3.5-397B-A17B-int4-AutoRound" }];
  expect(question("spark-1")).toEqual({
    images: [IMAGE],
    models,
    ports: [8000, 29501],
    endpoints: [{ deployment: "qwen", address: "127.0.0.1", port: 8000 }],
  });
  expect(question("spark-3")).toEqual({ images: [IMAGE], models, ports: [], endpoints: [] });
});

it("asks nothing of hosts without a rank", () => {
  expect(questionOf(fresh(recipeOf(1)))("spark-2")).toBeUndefined();
  expect(questionOf(fresh(recipeOf(1), []))("spark-1")).toBeUndefined();
});

it("asks once for what several deployments share", () => {
  const question = questionOf(fresh(recipeOf(1), [{ name: "a" }, { name: "b", overrides: { port: 8001 } }]));
  expect(question("spark-1")).toMatchObject({
    images: ["ghcr.io/acme/vllm:1"],
    models: [{ id: "Qwen/Qwen3-8B" }],
    ports: [8000, 8001],
    endpoints: [{ deployment: "a" }, { deployment: "b" }],
  });
});

it("asks where the server listens, under the name that hosts know the image by", () => {
  const digest = "2".repeat(64);
  const text = recipeOf(1)
    .replace("--port", "--host 10.0.0.11 --port")
    .replace("ghcr.io/acme/vllm:1", `ghcr.io/acme/vllm@sha256:${digest}`);
  expect(questionOf(fresh(text))("spark-1")).toMatchObject({
    images: [`ghcr.io/acme/vllm:sha256-${digest}`],
    endpoints: [{ address: "10.0.0.11" }],
  });
});

it("asks for no model that lies in the image", () => {
  expect(questionOf(fresh(recipeOf(1).replace("Qwen/Qwen3-8B", "/cache/huggingface/m")))("spark-1")?.models).toEqual(
    [],
  );
});

it("is a line for each thing", () => {
  const text = recipeOf(1, "model_revision: abc\n");
  expect(renderDockerQuestion(questionOf(fresh(text))("spark-1") ?? neverAsked())).toBe(
    [
      "docker_begin",
      "image ghcr.io/acme/vllm:1",
      "model abc Qwen/Qwen3-8B",
      "port 8000",
      "endpoint qwen 127.0.0.1 8000",
      "end\n",
    ].join("\n"),
  );
});

it.each(["two words", "two\nimage lines", "../up", "/models/../etc passwd", "-x", "a/b/c", "a/.."])(
  "refuses the model %j before any host is asked",
  (model) => {
    const command = `command: ${JSON.stringify(`vllm serve '${model}'`)}`;
    const given = fresh(`recipe_version: 1\nname: x\ncontainer: vllm-node\n${command}\n`);
    expect(() => questionOf(given)).toThrow(
      /^1 fault in the deployments:\n {2}qwen: test\.yaml:\d+:\d+: model: found "/,
    );
  },
);

it("refuses every deployment that can't be, at once", () => {
  const given = fresh({ a: recipeOf(3), b: recipeOf(1) }, [
    { name: "a", recipe: "a", hosts: ["spark-1"] },
    { name: "b", recipe: "b", overrides: { prot: 1 } },
  ]);
  expect(() => questionOf(given)).toThrow(
    /^2 faults in the deployments:\n {2}a: a\.yaml:5:3: .* 3 ranks.*\n {2}b: spark-mesh:deployments\[1\]\.overrides\.prot: /,
  );
});

function neverAsked(): never {
  throw new Error("not asked");
}
