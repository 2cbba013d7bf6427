import { spawnSync } from "node:child_process";
import { createServer } from "node:net";
import { expect, test } from "vitest";
import { scriptTexts } from "../../components/scriptTexts";

/** Runs a command with the functions of deploy on rank 1 of two; the other host's answer for its address is `arp`. */
function bash(command: string, arp = "") {
  const text = scriptTexts().deploymentProgram.replace(/main "\$@"\n$/, "");
  const mesh = `host=spark-2; rank=1; peers=("spark-1 10.0.0.1" "spark-2 10.0.0.2"); ip() { echo "10.0.0.1 dev x ${arp} "; }`;
  const { status, stdout, stderr } = spawnSync("bash", ["-s"], {
    input: `${text}${mesh}\n${command}\n`,
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

const remedy =
  "see that spark-1 is up, and open its firewall to 10.0.0.2 (sudo ufw allow proto tcp from 10.0.0.2, or the same in its nftables rules)";

test.each([
  [
    "silent 29501",
    "DELAY",
    `TCP port 29501 of spark-1 (10.0.0.1): found no answer within 3 s, wanted it open to the Sparks; ${remedy}`,
  ],
  [
    "'No route to host' 32768 60999",
    "REACHABLE",
    `TCP ports 32768, 60999 of spark-1 (10.0.0.1): found a refusal on the way (No route to host), wanted them open to the Sparks; ${remedy}`,
  ],
  ...["silent 1", "'No route to host' 1"].map((found) => [
    found,
    "FAILED",
    "spark-1 (10.0.0.1): found no such host on the network, wanted it up; see its power, its cable and its address",
  ]),
  [
    "'Network is unreachable' 1",
    "",
    "TCP port 1 of spark-1 (10.0.0.1): found Network is unreachable, wanted it open to the Sparks; see the routes here: ip route get 10.0.0.1",
  ],
  [
    "'Permission denied' 1",
    "",
    `TCP port 1 of spark-1 (10.0.0.1): found Permission denied, wanted it open to the Sparks; ${remedy}`,
  ],
])("%s with a neighbour %s is said", (found, arp, said) => {
  expect(bash(`reach_fault 0 ${found}`, arp)).toEqual({ status: 0, stdout: `spark-2: ${said}\n`, stderr: "" });
});

test("who refuses at once and who listens are open, and one who says nothing is not", async () => {
  const server = createServer();
  const port = await new Promise<number>((resolve) =>
    server.listen(0, "127.0.0.1", () => resolve((server.address() as { port: number }).port)),
  );
  expect(bash(`ask_port 127.0.0.1 ${port}`).stdout).toBe(`${port} open\n`);
  await new Promise((resolve) => server.close(resolve));
  expect(bash(`ask_port 127.0.0.1 ${port}`).stdout).toBe(`${port} open\n`);
  expect(bash(`timeout() { return 124; }; ask_port 127.0.0.1 ${port}`).stdout).toBe(`${port} silent\n`);
});

test("a rank asks no port of itself, and those where ranks meet of the head alone", () => {
  const asked = (rank: number) =>
    bash(
      `rank=${rank}; meeting_ports=(29501 13345); ask_port() { printf '%s closed\\n' "$2"; }
       reach_fault() { echo "$@"; }; check_reach`,
    ).stderr.trim();
  const [low, high] = bash("cat /proc/sys/net/ipv4/ip_local_port_range").stdout.trim().split(/\s+/);
  expect(asked(1)).toBe(`0 closed 13345 29499 29501 ${low} ${high}`);
  expect(asked(0)).toBe(`1 closed 29499 ${low} ${high}`);
  expect(bash("ask_port() { printf '%s open\\n' \"$2\"; }; check_reach")).toEqual({
    status: 0,
    stdout: "",
    stderr: "",
  });
});

test.each([
  ["29501", "yes"],
  ["0", "no"],
  ["295010", "no"],
  ["1 2", "no"],
  ["$(id)", "no"],
])("a document's line `meeting %s`: %s", (value, answer) => {
  expect(bash(`if read_own_line meeting '${value}'; then echo yes; else echo no; fi`).stdout).toBe(`${answer}\n`);
});
