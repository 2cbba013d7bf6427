import { expect, it } from "vitest";
import { type Case, changeDocker, deployed, faultsOf, fresh, IMAGE_ID, planOf, plansOf, recipeOf } from "./deployed";

const GIB = 2 ** 30;
const ONE = "1".repeat(40);
const TWO = "2".repeat(40);
const OTHER = `sha256:${"b".repeat(64)}`;
const text = (words: string, ranks = 3) =>
  recipeOf(ranks, `build_args: ${words}\n`).replace("ghcr.io/acme/vllm:1", "vllm-node");
const building = (words = "[--tf5]", commit = ONE) => fresh(text(words), [{}], { builds: { qwen: commit } });
/** The same hosts with another wish. */
const wishing = (given: Case, { recipes }: Case): Case => ({ ...given, recipes });
const running = deployed(building());

/** What a preview says of the image, one line each. */
const lines = (given: Case) =>
  planOf(given).image.differences.map(
    ({ host, object, property, found, wanted }) => `${host}: ${object}: ${property}: found ${found}, wanted ${wanted}`,
  );

it("builds what no host has, with the recipe's words", () => {
  expect(planOf(building()).image).toMatchObject({
    reference: "vllm-node",
    state: "due",
    differences: [],
    build: { commit: ONE, arguments: ["--tf5"], checkout: { folder: `/cache/${ONE}` }, due: true },
  });
});

it("does nothing where every host has what was built so", () => {
  expect(planOf(running)).toMatchObject({ state: "settled", image: { state: "settled", build: { due: false } } });
});

it.each([
  ["another commit", building("[--tf5]", TWO), "222222222222 --tf5"],
  ["other words", building("[--tf5, --vllm-ref, v1]"), "111111111111 --tf5 --vllm-ref v1"],
  ["no words", building("[]"), "111111111111"],
])("says what the image was built from, and builds it anew for %s", (_, wish, wanted) => {
  const given = wishing(running, wish);
  expect(lines(given)).toEqual(
    ["spark-1", "spark-2", "spark-3"].map(
      (host) => `${host}: vllm-node: built from: found 111111111111 --tf5, wanted ${wanted}`,
    ),
  );
  expect(planOf(given)).toMatchObject({ state: "due", image: { state: "due", build: { due: true } } });
});

it("copies what one host has, and builds it nowhere", () => {
  const lost = changeDocker(running, "spark-1", (docker) => ({ ...docker, images: [] }));
  expect(lines(lost)).toEqual(["spark-1: vllm-node: image: found missing, wanted sha256:aaaaaaaaaaaa"]);
  expect(planOf(lost).image).toMatchObject({ state: "due", build: { due: false } });
});

it("takes no image for it that somebody else made, on the head or on another host", () => {
  const made = (host: string) =>
    changeDocker(running, host, (docker) => ({
      ...docker,
      images: [{ id: OTHER, names: ["vllm-node:latest"], size: GIB }],
    }));
  for (const host of ["spark-1", "spark-2"]) {
    expect(lines(made(host))).toEqual([
      `${host}: vllm-node: built from: found nobody knows what, wanted 111111111111 --tf5`,
    ]);
    expect(planOf(made(host))).toMatchObject({ differences: [], image: { state: "due", build: { due: false } } });
  }
});

it("needs the same image on all hosts, however it was built", () => {
  const twice = changeDocker(running, "spark-3", (docker) => ({
    ...docker,
    images: docker.images.map((image) => ({ ...image, id: OTHER })),
  }));
  expect(lines(twice)).toEqual(["spark-3: vllm-node: image: found sha256:bbbbbbbbbbbb, wanted sha256:aaaaaaaaaaaa"]);
});

it("leaves an image as it is where nothing says that it is to be built", () => {
  const given = wishing(running, fresh(text("[--tf5]")));
  expect(planOf(given)).toMatchObject({ state: "settled", image: { state: "settled" } });
  expect(planOf(given).image.build).toBeUndefined();
  expect(IMAGE_ID).toContain("sha256:a");
});

it("has room on the head for another build where it knows how large the last one was", () => {
  const full = changeDocker(running, "spark-1", (docker) => ({ ...docker, rootFree: 5 * GIB }));
  expect(planOf(full).state).toBe("settled");
  expect(faultsOf(wishing(full, building("[--tf5]", TWO)))).toEqual([
    "spark-1: disk: found 5 GiB free in Docker's folder, wanted 20 GiB for vllm-node; make room there",
  ]);
});

it.each([
  ["-t", "[-t, other]"],
  ["--copy-to", "[--copy-to, spark-2]"],
  ["--tag=other", "[--tf5, --tag=other]"],
])("refuses words that are its own to say: %s", (word, words) => {
  expect(faultsOf(building(words))).toEqual([
    `qwen: build_args: found ${word}, which is not theirs to say: build-and-copy.sh is given \`-t vllm-node\`; leave it out`,
  ]);
});

it("refuses a digest, which nobody can build", () => {
  const given = fresh(recipeOf(1).replace("vllm:1", `vllm@sha256:${"0".repeat(64)}`), [{}], { builds: { qwen: ONE } });
  expect(faultsOf(given)).toEqual([
    `qwen: build: found the image ghcr.io/acme/vllm@sha256:${"0".repeat(64)}; wanted a name without a digest, which no build can be given`,
  ]);
});

it("refuses deployments that would make one image different on a host, again and again", () => {
  const light = { port: 8001, gpu_memory_utilization: 0.4 };
  const two = (commit: string, hosts: readonly string[], more = {}) =>
    fresh(
      text("[]", 2),
      [
        { name: "a", hosts: ["spark-1", "spark-2"], overrides: { gpu_memory_utilization: 0.4 } },
        { name: "b", hosts, overrides: { ...light, master_port: 29600, ...more } },
      ],
      { builds: { a: ONE, b: commit } },
    );
  expect(faultsOf(two(TWO, ["spark-1", "spark-2"]))).toEqual([
    "spark-1: image vllm-node: a and b have it built from 111111111111 and 222222222222; override container of one of them",
  ]);
  expect(faultsOf(two(ONE, ["spark-2", "spark-3"]))).toEqual([
    "spark-2: image vllm-node: a and b would build it on spark-1 and spark-2; give both one head, or override container of one of them",
  ]);
  expect(plansOf(two(ONE, ["spark-1", "spark-2"])).deployments).toHaveLength(2);
  expect(plansOf(two(TWO, ["spark-1", "spark-2"], { container: "vllm-other" })).deployments).toHaveLength(2);
});
