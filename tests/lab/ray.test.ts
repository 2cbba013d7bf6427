import { readdirSync, readFileSync } from "node:fs";
import { afterEach, expect, test } from "vitest";
import { ask, freePort, start } from "./standIn";

const until = (condition: () => unknown) => expect.poll(condition, { timeout: 15_000, interval: 50 }).toBe(true);

let port = 0;

/** Processes that a head left behind: those that are told its port. */
function left(): number[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  const words = (pid: string) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    } catch {
      return [];
    }
  };
  return pids.filter((pid) => words(pid).includes("--head") && words(pid).includes(String(port))).map(Number);
}

afterEach(() => {
  for (const pid of left()) process.kill(pid, "SIGKILL");
});

test("the stand-in for Ray has nodes do their part, and ends them with the head", async () => {
  port = await freePort();
  const head = start("ray", ["start", "--head", "--port", String(port), "--disable-usage-stats"]);
  expect(await head.ended, head.log()).toBe(0);
  expect(await start("hf", ["download", "Acme/Tiny"]).ended).toBe(0);
  const http = await freePort();
  const words = ["serve", "Acme/Tiny", "-tp", "2", "--port", String(http), "--distributed-executor-backend", "ray"];
  const server = start("vllm", words, { env: { RAY_ADDRESS: `127.0.0.1:${port}` } });
  const node = start("ray", ["start", "--block", `--address=127.0.0.1:${port}`, "--node-ip-address", "127.0.0.1"]);
  await until(() => server.log().includes("Application startup complete"));
  const { text } = await ask(http, "/v1/completions", { prompt: "hello" });
  expect(JSON.parse(text).choices[0].text).toMatch(/ on (\S+) \1$/);
  for (const pid of left()) process.kill(pid, "SIGKILL");
  expect(await node.ended).toBe(1);
  expect(node.log()).toContain("the head is gone");
});

test("a server over Ray says how many nodes it lacks, and a node that it has no head", async () => {
  port = await freePort();
  const orders = { MEET_SECONDS: "1", CONNECT_SECONDS: "1" };
  const lonely = start("ray", ["start", "--block", `--address=127.0.0.1:${port}`], { orders });
  expect(await lonely.ended).toBe(1);
  expect(lonely.log()).toContain("timed out");
  expect(await start("ray", ["start", "--head", "--port", String(port)]).ended).toBe(0);
  expect(await start("hf", ["download", "Acme/Tiny"]).ended).toBe(0);
  const words = ["serve", "Acme/Tiny", "-tp", "2", "--distributed-executor-backend", "ray"];
  const env = { RAY_ADDRESS: `127.0.0.1:${port}` };
  const server = start("vllm", [...words, "--port", String(await freePort())], { orders, env });
  expect(await server.ended).toBe(1);
  expect(server.log()).toContain("found 1 nodes with 1 GPU each, wanted 2");
});
