import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { standInReference } from "../../lab/hosts/image";
import { Lab } from "../../lab/hosts/lab";
import { Project, type Step } from "../../lab/project";
import { BuilderRepository } from "../scripts/builder";
import { scenarioEngines } from "./engines";

const HOSTS = ["spark-1", "spark-2"] as const;
/** What nobody has, and no registry either. */
const IMAGE = "lab/vllm-node";

const recipe = (...words: readonly string[]) => `recipe_version: "2"
model: acme/small
runtime: vllm
container: ${IMAGE}
build_args: ${JSON.stringify(words)}
defaults: { port: 8000, tensor_parallel: 2 }
command: vllm serve {model} --port {port} -tp {tensor_parallel}
`;

interface Drift {
  readonly what: string;
  readonly host: string;
  /** Run as root inside the host. */
  readonly breakage: string;
  /** Of the property that a preview names: what it is to find there. */
  readonly found: string;
}

const DRIFTS: readonly Drift[] = [
  {
    what: "the head's image was built from something else",
    host: "spark-1",
    breakage: `docker build --label 'spark-mesh.build={"commit":"${"0".repeat(40)}","arguments":["--tf5"]}' --tag ${IMAGE} - <<<'FROM ${IMAGE}'`,
    found: "built from: found 000000000000 --tf5",
  },
  {
    what: "the worker's image has no label",
    host: "spark-2",
    breakage: `docker create --name bare ${IMAGE} && docker export bare | docker import - ${IMAGE}; docker rm bare`,
    found: "built from: found nobody knows what",
  },
  {
    what: "the worker's image is gone",
    host: "spark-2",
    breakage: `docker rm --force spark-mesh-small-1 && docker rmi --force ${IMAGE}`,
    found: "image: found missing",
  },
];

/** A pair that serves an image which is built on its head, from a commit of a repository on this machine. */
describe.each(scenarioEngines())("a deployment of a built image on the $kind engine", (engine) => {
  let lab: Lab;
  let project: Project;
  let repository: BuilderRepository;

  beforeAll(async () => {
    repository = new BuilderRepository();
    lab = await Lab.up({
      name: "build-up",
      fresh: true,
      stackFile: false,
      docker: true,
      wiring: "pair",
      hosts: [
        { name: "spark-1", renderer: "networkd" },
        { name: "spark-2", renderer: "NetworkManager" },
      ],
    });
    // What the image is built on.
    await lab.loadImage(["spark-1"]);
    project = await Project.create(engine, lab, { config: { system: { dockerGroup: true } } });
    project.env.XDG_CACHE_HOME = join(project.dir, "cache");
  });

  afterAll(async () => {
    project?.remove();
    await lab?.down();
    repository.remove();
  });

  const inside = async (host: string, command: string): Promise<string> => {
    const { code, stdout, stderr } = await lab.exec(host, command);
    if (code !== 0) throw new Error(`${host}: ${command}: ${stderr}`);
    return stdout.trim();
  };
  const onEach = (command: (rank: number) => string): Promise<readonly string[]> =>
    Promise.all(HOSTS.map((host, rank) => inside(host, command(rank))));
  const succeeds = async (running: Promise<Step>): Promise<string> => {
    const { code, output } = await running;
    expect(code, output).toBe(0);
    return output;
  };
  /** Declares that the image is built from a commit, with these words. */
  const declare = (commit: string, ...words: readonly string[]): void => {
    const file = join(project.dir, "small.yaml");
    writeFileSync(file, recipe(...words));
    const build = `file://${repository.folder}#${commit}`;
    project.reconfigure({ deployments: [{ name: "small", recipe: file, build, readySeconds: 180 }] });
  };
  const containers = () =>
    onEach((rank) => `docker inspect --format '{{.Id}} {{.State.StartedAt}}' spark-mesh-small-${rank}`);
  const images = () => onEach(() => `docker image inspect --format '{{.Id}}' ${IMAGE}`);

  /** Expects every rank to run an image of this version that has its label, the same on each host, and a completion. */
  const expectServed = async (version: string, commit: string): Promise<void> => {
    const [head] = await images();
    expect(await images()).toEqual(HOSTS.map(() => head));
    expect(await onEach((rank) => `docker inspect --format '{{.Image}}' spark-mesh-small-${rank}`)).toEqual(
      HOSTS.map(() => head),
    );
    expect(await onEach((rank) => `docker exec spark-mesh-small-${rank} bash -c 'cat /version; echo $TF5'`)).toEqual(
      HOSTS.map(() => `${version}\nyes`),
    );
    const labels = await onEach(
      () => `docker image inspect --format '{{index .Config.Labels "spark-mesh.build"}}' ${IMAGE}`,
    );
    expect(labels.map((label) => JSON.parse(label))).toEqual(HOSTS.map(() => ({ commit, arguments: ["--tf5"] })));
    await expectCompletion();
  };
  const expectCompletion = async (): Promise<void> => {
    const answer = await fetch(`http://${lab.hosts[0]?.address}:8000/v1/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: "acme/small", prompt: "Hello", max_tokens: 1 }),
      signal: AbortSignal.timeout(20_000),
    });
    expect(answer.status, await answer.text()).toBe(200);
  };

  let first: string;
  let second: string;

  it("is built on the head with the recipe's words, copied and served by one up, and nothing is to do then", async () => {
    first = repository.commit("one");
    declare(first, "--tf5");
    expect(await succeeds(project.up("--skip-preview"))).not.toMatch(/warning|found/);
    await expectServed("one", first);
    // What it is built on stays where it was.
    expect(await inside("spark-2", `docker images --quiet ${standInReference}`)).toBe("");
    await succeeds(project.preview("--expect-no-changes"));
  });

  it.each(DRIFTS)("$what: said at a preview, mended, and quiet", async ({ host, breakage, found }) => {
    const [head, worker] = await images();
    await inside(host, breakage);
    const wanted = found.startsWith("built") ? `${first.slice(0, 12)} --tf5` : "sha256:";
    expect(await succeeds(project.preview())).toContain(`${host}: ${IMAGE}: ${found}, wanted ${wanted}`);
    // The other host has it: nothing is built.
    await succeeds(project.up("--skip-preview"));
    expect(await images()).toEqual([head, worker]);
    await expectServed("one", first);
    await succeeds(project.preview("--expect-no-changes"));
  });

  it("is built anew from another commit, and its ranks start anew with that", async () => {
    const before = await containers();
    second = repository.commit("two");
    declare(second, "--tf5");
    const preview = await succeeds(project.preview());
    for (const host of HOSTS) {
      expect(preview).toContain(
        `${host}: ${IMAGE}: built from: found ${first.slice(0, 12)} --tf5, wanted ${second.slice(0, 12)} --tf5`,
      );
    }
    await succeeds(project.up("--skip-preview"));
    const after = await containers();
    expect(after.filter((container, rank) => container === before[rank])).toEqual([]);
    await expectServed("two", second);
    await succeeds(project.preview("--expect-no-changes"));
  });

  it("goes on with what it was where a builder fails, whose last words are said, and comes with the next", async () => {
    const before = await containers();
    const third = repository.commit("three");
    declare(third, "--tf5", "--broken");
    const { code, output } = await project.up("--skip-preview");
    expect(code).not.toBe(0);
    expect(output).toContain("spark-1: build-and-copy.sh: ERROR: no wheels of vLLM");
    expect(output).toContain(
      `spark-1: image ${IMAGE}: build-and-copy.sh: found it ended with status 7 (give it another --vllm-ref), wanted an image;`,
    );
    expect(await containers()).toEqual(before);
    await expectServed("two", second);
    // Nor does taking it back cost anything.
    declare(second, "--tf5");
    await succeeds(project.up("--skip-preview"));
    expect(await containers()).toEqual(before);
    await succeeds(project.preview("--expect-no-changes"));
    declare(third, "--tf5");
    await succeeds(project.up("--skip-preview"));
    await expectServed("three", third);
    await succeeds(project.preview("--expect-no-changes"));
  });

  it("leaves its image, and nothing else, after a destroy", async () => {
    const before = await images();
    await succeeds(project.destroy("--skip-preview"));
    expect(await images()).toEqual(before);
    const ours =
      "docker ps --all --quiet; ls -d /var/lib/spark-mesh* /run/spark-mesh* /home/nvidia/.cache/spark-mesh* 2>/dev/null; " +
      "systemctl list-units --all --plain --no-legend '*spark-mesh*'; find /etc/systemd -name '*spark-mesh*'";
    expect(await onEach(() => ours)).toEqual(HOSTS.map(() => ""));
  });
});
