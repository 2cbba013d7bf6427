import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Server, type ServerChannel } from "ssh2";
import { afterAll, afterEach, expect, it, vi } from "vitest";
import type { ClusterConfig } from "../../config/cluster";
import { parseClusterConfig } from "../../config/load";
import { gatherFacts } from "../../facts/gather";
import type { Probe } from "../../facts/hostFacts";
import { answerLine } from "../../facts/marked";
import fresh from "./fixtures/fresh.json";

// What a host's bash would do with it is shown elsewhere.
vi.mock("../../facts/script", async (original) => ({
  ...(await original<typeof import("../../facts/script")>()),
  dockerScript: () => "docker_script",
}));

// Configured hosts, played by servers in this process: what they are asked, in which order, and who waits for whom.
const folder = mkdtempSync(join(tmpdir(), "facts-gather-"));
const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const keyFile = join(folder, "key");
execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", keyFile]);
const key = { text: readFileSync(keyFile, "utf8"), line: readFileSync(`${keyFile}.pub`, "utf8").trim() };

interface Played {
  readonly port: number;
  /** Its second passes. */
  readonly asked: { readonly text: string; readonly at: number }[];
  /** What it was told before its first pass, and when it was asked for what came of it. */
  readonly docker: { question?: string; at?: number };
}

const listening = (server: { listen(port: number, host: string, then: () => void): unknown; address(): unknown }) =>
  new Promise<number>((resolve) =>
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port)),
  );

/** The first pass of host `number` with this address on its port 0. */
function firstPass(number: number, address: string): string {
  const [netdevs = [], routes] = structuredClone(fresh.ip) as [{ ifname: string }[], unknown];
  const own = netdevs.map((netdev, index) => ({
    ...netdev,
    address: `02:00:00:00:0${number}:0${index}`,
    addr_info: netdev.ifname === "enp1s0f0np0" ? [{ family: "inet", local: address, prefixlen: 24 }] : [],
  }));
  return JSON.stringify({ ...fresh, ip: [own, routes] });
}

/** A host on whose links every address answers. Its first answer takes `after` ms; undefined: it never comes. */
async function play(number: number, address: string, after?: number, dockerAnswer?: object): Promise<Played> {
  const asked: Played["asked"] = [];
  const docker: Played["docker"] = {};
  const answer = (channel: ServerChannel, mark: string, pass: string, data: string) => {
    if (pass === "first_pass") {
      if (after !== undefined) setTimeout(() => channel.write(answerLine(mark, firstPass(number, address))), after);
      return;
    }
    asked.push({ text: data, at: performance.now() });
    const looked = [...data.matchAll(/^look (\S+) (\S+)$/gm)].map(([, netdev, address]) => ({ netdev, address }));
    const neighbours = looked.map(({ netdev, address }) => {
      return { dst: address, dev: netdev, lladdr: `02:00:00:00:0${address?.at(-1)}:01`, state: ["REACHABLE"] };
    });
    const sudo = /^sudo$/m.test(data) ? "passwordless" : "notAsked";
    channel.write(
      answerLine(
        mark,
        JSON.stringify({
          sparkMeshFacts: 1,
          sudo,
          files: null,
          sudoers: null,
          answered: [],
          looked,
          neighbours: [neighbours],
        }),
      ),
    );
  };
  const server = new Server({ hostKeys: [key.text] }, (connection) => {
    connection.on("error", () => undefined);
    closers.push(() => connection.end());
    connection.on("authentication", (context) => context.accept());
    connection.on("session", (accept) => {
      accept().on("exec", (acceptExec) => {
        const channel = acceptExec();
        let heard = "";
        let mark = "";
        channel.on("data", (bytes: Buffer) => {
          heard += bytes.toString();
          mark ||= /^mark=(.*)\n/.exec(heard)?.[1] ?? "";
          const [told] = /^docker_script\ndocker_begin\n(.*\n)*?end\n/m.exec(heard) ?? [];
          if (told !== undefined) {
            docker.question = told;
            heard = heard.replace(told, "");
          }
          if (/^docker_pass\n/m.test(heard)) {
            docker.at = performance.now();
            heard = "";
            if (dockerAnswer) channel.write(answerLine(mark, JSON.stringify(dockerAnswer)));
          }
          const [whole, pass = "", data = ""] = /^(first_pass|second_pass)\n((?:.*\n)*?)end\n/m.exec(heard) ?? [];
          if (whole === undefined) return;
          heard = "";
          answer(channel, mark, pass, data);
        });
      });
    });
  });
  closers.push(() => server.close());
  return { port: await listening(server), asked, docker };
}

function clusterAt(...ports: readonly number[]): ClusterConfig {
  const ssh = { user: "nvidia", identityFile: keyFile, hostKey: key.line };
  const hosts = ports.map((port, i) => ({ name: `spark-${i + 1}`, address: "127.0.0.1", port, ...ssh }));
  return parseClusterConfig({ "spark-mesh:hosts": JSON.stringify(hosts) }, "/nobody", []);
}

const neighboursOf = (probe: Probe | undefined) =>
  probe?.kind === "facts" ? probe.facts.cx7.flatMap(({ neighbours }) => neighbours) : probe;
const texts = ({ asked }: Played) => asked.map(({ text }) => text);

it("lets configured hosts without a record find each other by the addresses that their first passes tell", async () => {
  const one = await play(1, "192.168.177.11", 0);
  const two = await play(2, "192.168.177.12", 300);
  const far = await play(3, "192.168.187.13", 0);
  const { probes } = await gatherFacts(clusterAt(one.port, two.port, far.port));
  expect(texts(one)).toEqual([expect.stringMatching(/^sudo\nmulticast /), "look enp1s0f0np0 192.168.177.12\n"]);
  expect(texts(two)).toEqual([expect.stringMatching(/^sudo\nmulticast /), "look enp1s0f0np0 192.168.177.11\n"]);
  expect(texts(far)).toEqual([expect.stringMatching(/^sudo\nmulticast /)]);
  expect(neighboursOf(probes.get("spark-1"))).toEqual([{ mac: "02:00:00:00:02:01", address: "192.168.177.12" }]);
  // What the second pass told stays.
  expect(probes.get("spark-1")).toMatchObject({ facts: { sudo: "passwordless", discovered: true } });
});

it("keeps nobody's second pass waiting, and nobody longer than a connection may take", async () => {
  const one = await play(1, "192.168.177.11", 0);
  const two = await play(2, "192.168.177.12", 0);
  const silent = createServer(() => undefined);
  closers.push(() => silent.close());
  const start = performance.now();
  const { probes } = await gatherFacts(clusterAt(one.port, two.port, await listening(silent)));
  expect(performance.now() - start).toBeLessThan(8000);
  expect(probes.get("spark-3")).toMatchObject({ kind: "unreachable" });
  expect(neighboursOf(probes.get("spark-1"))).toHaveLength(1);
  expect((one.asked[0]?.at ?? Number.POSITIVE_INFINITY) - start).toBeLessThan(4500);
});

it("goes on without the first pass of a host that hangs", async () => {
  const one = await play(1, "192.168.177.11", 0);
  const two = await play(2, "192.168.177.12", 0);
  const hung = await play(3, "192.168.177.13");
  const start = performance.now();
  const gathered = gatherFacts(clusterAt(one.port, two.port, hung.port));
  while (one.asked.length < 2 || two.asked.length < 2) {
    expect(performance.now() - start).toBeLessThan(10_000);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  expect(texts(one)[1]).toBe("look enp1s0f0np0 192.168.177.12\n");
  for (const close of closers.splice(0)) close();
  await gathered.catch(() => undefined);
});

const answer = {
  ...{ sparkMeshFacts: 1, docker: "ok", nvidia: true, home: "/home/nvidia", watch: "missing" },
  ...{ containers: [], images: [], models: [], ports: [], endpoints: [], records: [] },
};
const question = { images: ["vllm-node"], models: [], ports: [8000], endpoints: [] };

it("has Docker's answers got ready from the start, asks for them last, and only where there is a question", async () => {
  const one = await play(1, "192.168.177.11", 0, answer);
  const two = await play(2, "192.168.177.12", 100, answer);
  const { probes } = await gatherFacts(clusterAt(one.port, two.port), (host) =>
    host === "spark-1" ? question : undefined,
  );
  expect(one.docker.question).toBe("docker_script\ndocker_begin\nimage vllm-node\nport 8000\nend\n");
  expect(one.docker.at).toBeGreaterThan(one.asked.at(-1)?.at ?? Number.POSITIVE_INFINITY);
  expect(two.docker).toEqual({});
  expect(probes.get("spark-1")).toMatchObject({ facts: { sudo: "passwordless", docker: { home: "/home/nvidia" } } });
  expect(probes.get("spark-2")).not.toHaveProperty("facts.docker");
});

it("says whose Docker hangs, while the others are asked", { timeout: 90_000 }, async () => {
  const one = await play(1, "192.168.177.11", 0);
  const two = await play(2, "192.168.177.12", 0, answer);
  await expect(gatherFacts(clusterAt(one.port, two.port), () => question)).rejects.toThrow(
    /^1 fault in the hosts:\n {2}spark-1: Docker: no answer within 25 s; look at `systemctl status docker` there/,
  );
});
