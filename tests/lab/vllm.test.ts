import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { planLaunch } from "../../plan/launch/launch";
import { parseRecipe } from "../../plan/recipe/recipe";
import { launch, overrides, sparks, withCommand } from "../plan/recipe/recipes";
import { ask, freePort, type StandIn, start } from "./standIn";

const model = "Acme/Tiny";
const prompt = { model, prompt: "hello" };
const recipes = join(__dirname, "..", "..", "recipes");
const shipped = readdirSync(recipes).filter((name) => name.endsWith(".yaml"));

type Settings = Parameters<typeof start>[2];

async function serve(words: readonly string[], settings: Settings = {}) {
  const port = await freePort();
  return { port, ...start("vllm", ["serve", model, "--port", String(port), ...words], settings) };
}

/** The ranks of a launch plan, on loopback. */
async function serveRanks(command: string, settings: Settings = {}) {
  const { ranks } = launch(withCommand(`vllm serve ${model} ${command}`).replace("Qwen/Qwen3-8B", model));
  const [port, master, rpc] = [await freePort(), await freePort(), await freePort()];
  const replaced: Record<string, string> = { "10.0.0.11": "127.0.0.1", 29501: String(master), 13345: String(rpc) };
  const words = ranks.map(({ argv }) => [...argv.slice(1).map((word) => replaced[word] ?? word), "--port", `${port}`]);
  const begin = (rank: number) => start("vllm", words[rank] ?? [], settings);
  return { port, begin, all: () => words.map((_, rank) => begin(rank)) };
}

const until = (condition: () => unknown) => expect.poll(condition, { timeout: 15_000, interval: 50 }).toBe(true);
const complete = ({ log }: Pick<StandIn, "log">) => until(() => log().includes("Application startup complete"));

beforeAll(async () => {
  expect(await start("hf", ["download", model]).ended).toBe(0);
});

describe("the stand-in for vLLM", () => {
  test("serves one rank alone", async () => {
    const one = await serve(["--served-model-name", "tiny", "small"]);
    await complete(one);
    expect(await ask(one.port, "/health")).toEqual({ status: 200, text: "" });
    const models = JSON.parse((await ask(one.port, "/v1/models")).text);
    expect(models.data.map(({ id }: { id: string }) => id)).toEqual(["tiny", "small"]);
    const short = await ask(one.port, "/v1/completions", { model: "small", prompt: "hello", max_tokens: 2 });
    expect(JSON.parse(short.text).choices[0]).toMatchObject({ text: "answered by", finish_reason: "length" });
    const chat = await ask(one.port, "/v1/chat/completions", { model: "tiny", messages: [] });
    expect(JSON.parse(chat.text).choices[0].message.content).toContain("stand-in");
    expect((await ask(one.port, "/v1/completions", prompt)).status).toBe(404);
    expect((await ask(one.port, "/v1/completions", { model: "tiny" })).status).toBe(400);
    one.child.kill("SIGTERM");
    expect(await one.ended).toBe(0);
  });

  test.each([
    { words: ["--nope"], says: "unrecognized arguments: --nope" },
    { words: ["--kv-cache-dtype", "int3"], says: "--kv-cache-dtype: invalid choice: 'int3'" },
    { words: ["--port", "70000"], says: "--port: invalid port: 70000" },
    { words: ["--gpu-memory-utilization", "1.5"], says: "invalid fraction: 1.5" },
    { words: ["--max-model-len", "many"], says: "--max-model-len: invalid int value: 'many'" },
    { words: ["--model", "Acme/Other"], says: "Acme/Other is not Acme/Tiny" },
    { words: ["-tp", "2"], says: "World size (2) is larger than the number of available GPUs (1)" },
    { words: ["-pp", "3", "--nnodes", "2", "--node-rank", "0", "--master-addr", "h"], says: "2 nodes with 1 GPU each" },
    { words: ["-pp", "2", "--nnodes", "2", "--node-rank", "0"], says: "--master-addr: needed" },
    { words: ["-pp", "2", "--nnodes", "2", "--master-addr", "h"], says: "--node-rank: needed" },
    { words: ["-pp", "2", "--nnodes", "2", "--node-rank", "2", "--master-addr", "h"], says: "2 is not from 0 to 1" },
    { words: ["-pp", "2", "--nnodes", "2", "-r", "1", "--master-addr", "h"], says: "--headless: needed on rank 1" },
    { words: ["-pp", "2", "-n", "2", "-r", "0", "--master-addr", "h", "--headless"], says: "--headless: rank 0" },
    { words: ["--headless"], says: "--headless: rank 0 serves" },
    { words: ["-dp", "2", "-dpl", "1"], says: "--data-parallel-address: needed" },
    { words: ["-dp", "2", "-dpa", "h"], says: "--data-parallel-size-local" },
    { words: ["-dp", "2", "-dpl", "1", "-dpa", "h", "-dpr", "1"], says: "--headless: needed on rank 1" },
    { words: ["-dp", "2", "-dpl", "1", "-dpa", "h", "-dpr", "2"], says: "2 is not from 0 to 1" },
    { words: ["-dpa", "h"], says: "--data-parallel-size: needed" },
    { words: ["--speculative-config", "{model}"], says: "--speculative-config/-sc: invalid json_object value" },
    { words: ["-sc", '["a"]'], says: "cannot be converted to a JSON object" },
    { words: ["-sc", '{"model":"a/b"}', "--spec-model", "a/b"], says: "not with --spec-method, --spec-model" },
    { words: ["--data-parallel-rank", "1"], says: "--data-parallel-rank: for MoE" },
  ])("refuses $words", async ({ words, says }) => {
    const { ended, log } = await serve(words);
    expect(await ended).toBe(2);
    expect(log()).toContain("vllm: error: ");
    expect(log()).toContain(says);
  });

  test.each(shipped)("takes the arguments of %s on every rank, and names the model that isn't there", async (name) => {
    const recipe = parseRecipe(name, readFileSync(join(recipes, name), "utf8"));
    const { ranks } = planLaunch({ name: "x", recipe, overrides: overrides({}), hosts: sparks(3), chosen: false });
    for (const { argv } of ranks) {
      const { ended, log } = start("vllm", argv.slice(1));
      expect(await ended, log()).toBe(1);
      expect(log().trim().split("\n").at(-1)).toContain(`disabled: ${recipe.model}`);
    }
  });
});

describe("the stand-in offline", () => {
  const others = (id: string): readonly (readonly string[])[] => [
    ["--speculative-config", `{"method":"dflash","model":"${id}","num_speculative_tokens":4}`],
    ["-sc", `{"model":"${id}"}`],
    [`--speculative-config.model=${id}`, "--speculative_config.num_speculative_tokens", "4"],
    ["--spec-model", id],
    ["--tokenizer", id],
    ["--lora-modules", `a=${id}`],
    ["--lora-modules", `{"name":"a","path":"${id}"}`],
  ];

  test.each(others("Acme/Nowhere"))("fails without what %s %s names", async (...words) => {
    const { ended, log } = await serve(words);
    expect(await ended).toBe(1);
    expect(log()).toMatch(/LocalEntryNotFoundError: .* disabled: Acme\/Nowhere$/m);
  });

  test("serves with them, each at its own revision", async () => {
    expect(await start("hf", ["download", "Acme/Other", "--revision", "v2"]).ended).toBe(0);
    const config = (revision: string) => ["-sc", `{"model":"Acme/Other","revision":"${revision}"}`];
    const { ended, log } = await serve(config("main"));
    expect(await ended).toBe(1);
    expect(log()).toContain("disabled: Acme/Other");
    const one = await serve([...config("v2"), "--tokenizer", "Acme/Other", "--tokenizer-revision", "v2"]);
    await complete(one);
  });

  test.each(['{"method":"mtp","num_speculative_tokens":2}', '{"method":"ngram"}'])(
    "needs nothing for %s",
    async (config) => {
      await complete(await serve(["--speculative-config", config]));
    },
  );

  test("fails for a method that has no model", async () => {
    const { ended, log } = await serve(["--speculative-config", '{"method":"eagle3","num_speculative_tokens":2}']);
    expect(await ended).toBe(1);
    expect(log()).toContain("without speculative model");
  });
});

describe("ranks of the stand-in", () => {
  test("meet, whoever is first, and answer together; the head alone serves", async () => {
    const ranks = await serveRanks("-pp 3");
    const workers = [ranks.begin(2), ranks.begin(1)];
    const head = ranks.begin(0);
    expect((await ask(ranks.port, "/health")).status).toBe(0);
    await complete(head);
    for (const [index, { log }] of [head, ...workers.toReversed()].entries()) {
      expect(log()).toContain(`rank ${index} in world size 3 is assigned as DP rank 0, PP rank ${index},`);
    }
    expect(workers.map(({ log }) => log()).join()).not.toContain("startup complete");
    const { text } = await ask(ranks.port, "/v1/completions", prompt);
    expect(JSON.parse(text).choices[0].text).toMatch(/ on (\S+) \1 \1$/);
  });

  test.each(["-tp 2 -pp 2", "-dp 2", "-tp 2 -dp 2"])("meet with %s", async (command) => {
    const { port, all } = await serveRanks(command);
    const [head] = all();
    if (head) await complete(head);
    expect((await ask(port, "/v1/completions", prompt)).status).toBe(200);
  });

  test("die unseen: health stays, a request hangs and fails, the head ends and the others stay", async () => {
    const { port, begin, all } = await serveRanks("-pp 3", { env: { VLLM_EXECUTE_MODEL_TIMEOUT_SECONDS: "2" } });
    const [head, second, third] = all();
    if (!head || !second || !third) throw new Error("three ranks");
    await complete(head);
    third.child.kill("SIGKILL");
    await third.ended;
    expect((await ask(port, "/health")).status).toBe(200);
    // Started again, it finds nobody to join.
    const again = begin(2);
    const before = Date.now();
    expect((await ask(port, "/v1/completions", prompt)).status).toBe(500);
    expect(Date.now() - before).toBeGreaterThan(1900);
    expect(await head.ended).toBe(1);
    expect(again.log()).not.toContain("assigned");
    expect(second.child.exitCode).toBe(null);
    second.child.kill("SIGTERM");
    expect(await second.ended).toBe(0);
  });

  test("say that they waited for others in vain", async () => {
    const { begin } = await serveRanks("-pp 3", { orders: { MEET_SECONDS: "1" } });
    const [head, worker] = [begin(0), begin(1)];
    expect(await head.ended).toBe(1);
    expect(head.log()).toContain("Timed out after 1 seconds waiting for clients. 2/3 clients joined.");
    expect(await worker.ended).toBe(1);
    const lonely = begin(2);
    expect(await lonely.ended).toBe(1);
    expect(lonely.log()).toContain("The client socket has timed out");
  });

  test("wait for ever where they were told different things", async () => {
    const { port, begin } = await serveRanks("-pp 2");
    const head = begin(0);
    const words = head.child.spawnargs
      .slice(1)
      .map((word, index, all) => (all[index - 1] === "--node-rank" ? "1" : word));
    start("vllm", [...words, "--headless", "--gpu-memory-utilization", "0.5"]);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(head.child.exitCode).toBe(null);
    expect(head.log()).not.toContain("assigned");
    expect((await ask(port, "/health")).status).toBe(0);
  });

  test("need the netdev that they are told to meet over", async () => {
    const { begin } = await serveRanks("-pp 2", { env: { GLOO_SOCKET_IFNAME: "enP9s9" } });
    const { ended, log } = begin(1);
    expect(await ended).toBe(1);
    expect(log()).toContain("Unable to find address for: enP9s9");
  });
});

describe("the stand-in fails as it is told:", () => {
  test.each([
    { orders: { EXIT_AT_START: "7" }, code: 7, says: "told to end at the start" },
    { orders: { FREE_MEMORY: "0.8" }, code: 1, says: "less than desired GPU memory utilization (0.92" },
    { orders: { OUT_OF_MEMORY: "1" }, code: 137, says: "Starting to load model" },
    { orders: { DIE_AFTER: "0.3" }, code: 1, says: "Application startup complete" },
  ])("$orders", async ({ orders, code, says }) => {
    const { ended, log } = await serve([], { orders });
    expect(await ended).toBe(code);
    expect(log()).toContain(says);
  });

  test("loads slowly, or for ever", async () => {
    const [slow, never] = await Promise.all([
      serve([], { orders: { LOAD_SECONDS: "1" } }),
      serve([], { orders: { HANG_LOADING: "1" } }),
    ]);
    const before = Date.now();
    await Promise.all([slow, never].map(({ log }) => until(() => log().includes("Starting to load"))));
    expect((await ask(slow.port, "/health")).status).toBe(0);
    await complete(slow);
    expect(Date.now() - before).toBeGreaterThan(900);
    expect((await ask(never.port, "/health")).status).toBe(0);
    never.child.kill("SIGTERM");
    expect(await never.ended).toBe(0);
  });

  test("answers nothing, or errors, and is healthy all the same", async () => {
    const [silent, wrong] = await Promise.all([
      serve([], { orders: { SILENT: "1" } }),
      serve([], { orders: { ERRORS: "1" } }),
    ]);
    await Promise.all([complete(silent), complete(wrong)]);
    expect((await ask(silent.port, "/v1/completions", prompt, 500)).status).toBe(undefined);
    expect((await ask(wrong.port, "/v1/completions", prompt)).status).toBe(500);
    for (const { port } of [silent, wrong]) expect((await ask(port, "/health")).status).toBe(200);
  });

  test("takes its time to end", async () => {
    const slow = await serve([], { orders: { TERM_SECONDS: "1" } });
    await complete(slow);
    const before = Date.now();
    slow.child.kill("SIGTERM");
    expect(await slow.ended).toBe(0);
    expect(Date.now() - before).toBeGreaterThan(900);
  });

  test("on some ranks only", async () => {
    const { begin } = await serveRanks("-pp 2", { orders: { RANKS: "1,2", EXIT_AT_START: "3" } });
    const [head, worker] = [begin(0), begin(1)];
    expect(await worker.ended).toBe(3);
    expect(head.child.exitCode).toBe(null);
  });

  test("without a chat template, weights, or its port", async () => {
    const template = await serve(["--chat-template", "unsloth.jinja"]);
    expect(await template.ended).toBe(1);
    expect(template.log()).toContain("The supplied chat template (unsloth.jinja) looks like a file path");
    const port = await freePort();
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(port, "0.0.0.0", resolve));
    const taken = start("vllm", ["serve", model, "--port", String(port)]);
    expect(await taken.ended).toBe(1);
    expect(taken.log()).toContain("Address already in use");
    server.close();
    const revision = start("vllm", ["serve", model, "--revision", "other"]);
    expect(await revision.ended).toBe(1);
    expect(revision.log()).toContain("Cannot find an appropriate cached snapshot folder");
  });
});
