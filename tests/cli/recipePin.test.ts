import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { sparkMeshHere } from "./command";

const COMMIT = "1".repeat(40);
const DRAFTER_COMMIT = "2".repeat(40);
const DIGEST = `sha256:${"a".repeat(64)}`;

/** A hub of models and a registry of images in one, as both answer. */
let server: Server;
let port: number;
let folder: string;
const cwd = process.cwd();

beforeAll(async () => {
  server = createServer((request, response) => {
    const { url = "", headers } = request;
    const json = (value: unknown) => response.end(JSON.stringify(value));
    if (url === "/api/models/acme/big/revision/main") json({ sha: COMMIT });
    else if (url === "/api/models/acme/drafter/revision/main") json({ sha: DRAFTER_COMMIT });
    else if (url.startsWith("/token?")) json({ token: `for ${new URL(url, "http://a").searchParams.get("scope")}` });
    else if (url === "/v2/acme/vllm/manifests/1" && headers.authorization === "Bearer for repository:acme/vllm:pull") {
      response.setHeader("docker-content-digest", DIGEST).end();
    } else if (url.startsWith("/v2/acme/vllm/")) {
      const realm = `http://127.0.0.1:${port}/token`;
      const challenge = `Bearer realm="${realm}",service="registry",scope="repository:acme/vllm:pull"`;
      response.writeHead(401, { "www-authenticate": challenge }).end();
    } else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  port = (server.address() as AddressInfo).port;
  folder = mkdtempSync(join(tmpdir(), "spark-mesh-pin-"));
  process.chdir(folder);
});

afterAll(() => {
  vi.unstubAllEnvs();
  process.chdir(cwd);
  rmSync(folder, { recursive: true });
  server.close();
});

const recipe = (model = "acme/big", image = "vllm:1") => `recipe_version: "2"
model: ${model}
container: 127.0.0.1:${port}/acme/${image}
defaults: { port: 8000, speculative_config: { method: eagle3, model: acme/drafter } }
command: vllm serve {model} --port {port} --speculative-config '{speculative_config}'
`;

const STACK = `# Ours.
config:
  spark-mesh:hosts:
    - { name: spark-1, address: 10.0.0.11 } # the one in the kitchen
  spark-mesh:deployments:
    # The big one.
    - name: big
      recipe: ./big.yaml # from the shelf
      overrides:
        port: 8001 # not 8000
    - { name: small, recipe: ./other.yaml }
encryptionsalt: v1:abc
`;

beforeEach(() => {
  vi.stubEnv("HF_ENDPOINT", `http://127.0.0.1:${port}`);
  writeFileSync("Pulumi.home.yaml", STACK);
  writeFileSync("big.yaml", recipe());
});

const run = (...words: string[]) => sparkMeshHere(["recipe", "pin", ...words]);
const stack = () => readFileSync("Pulumi.home.yaml", "utf8");

it("writes what a deployment gets now beside its recipe, and nothing else", async () => {
  const { status, stdout, stderr } = await run("./big.yaml", "--stack", "home", "--json");
  expect([status, stderr]).toEqual([0, ""]);
  const image = `127.0.0.1:${port}/acme/vllm@${DIGEST}`;
  expect(JSON.parse(stdout)).toEqual({
    stack: "home",
    pins: [
      { deployment: "big", key: "model_revision", value: COMMIT, of: "acme/big at main" },
      { deployment: "big", key: "speculative_config.revision", value: DRAFTER_COMMIT, of: "acme/drafter at main" },
      { deployment: "big", key: "container", value: image, of: `127.0.0.1:${port}/acme/vllm:1` },
    ],
    notes: [],
    wrote: ["Pulumi.home.yaml"],
  });
  const pinned = `        port: 8001 # not 8000
        model_revision: "${COMMIT}"
        speculative_config.revision: "${DRAFTER_COMMIT}"
        container: ${image}
`;
  expect(stack()).toBe(STACK.replace("        port: 8001 # not 8000\n", pinned));
  // What is pinned is not asked about again.
  vi.stubEnv("HF_ENDPOINT", "http://127.0.0.1:1");
  expect(await run("big")).toMatchObject({ stdout: "nothing was left to pin\n", status: 0 });
});

it("writes nothing where one of them can't be had", async () => {
  vi.stubEnv("HF_ENDPOINT", "http://127.0.0.1:1");
  expect(await run("big")).toEqual({
    status: 1,
    stdout: "",
    stderr: expect.stringMatching(
      /^1 fault in what is to be pinned:\n {2}http:\/\/127\.0\.0\.1:1: found no answer \(.*\); wanted to be able to ask it from here\n {2}nothing was written\n$/,
    ),
  });
  vi.stubEnv("HF_ENDPOINT", `http://127.0.0.1:${port}`);
  writeFileSync("big.yaml", recipe("acme/none", "vllm:2"));
  const { stderr } = await run("big");
  expect(stderr).toContain("found the answer 404 for acme/none at main, wanted its commit");
  expect(stderr).toContain("found the answer 401 for 127.0.0.1:");
  expect(stack()).toBe(STACK);
});

it("says what it can't pin", async () => {
  writeFileSync(
    "big.yaml",
    recipe()
      .replace(/container: .*/, "container: vllm-node")
      .replace("--port", "--revision main --port"),
  );
  const { stdout, status } = await run("big");
  expect(status).toBe(0);
  expect(stdout).toContain(`big: revision: ${COMMIT} (acme/big at main)\n`);
  expect(stdout).toContain("note: big: vllm-node isn't pinned by digest: no registry has it; its build is pinned");
});

it("needs a deployment of that recipe", async () => {
  expect(await run("./none.yaml")).toMatchObject({
    status: 2,
    stderr: expect.stringContaining(
      "found no deployment of ./none.yaml; deployments: big (./big.yaml), small (./other.yaml)",
    ),
  });
});
