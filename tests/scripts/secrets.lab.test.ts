import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Lab, type LabHost } from "../../lab/hosts/lab";
import { run, until } from "../../lab/hosts/process";
import { inside } from "../inside";
import { must, operate, operationCommand, ringDocument } from "./operations";

const password = "canary $(touch /tmp/canary) 'quoted' \"twice\"";

let lab: Lab;
let asking: LabHost;
let free: LabHost;

beforeAll(async () => {
  lab = await Lab.up({
    name: "test-secrets",
    stackFile: false,
    fresh: true,
    wiring: "pair",
    hosts: [
      { name: "spark-1", renderer: "networkd" },
      { name: "spark-2", renderer: "networkd", sudoPassword: password },
    ],
  });
  [free, asking] = lab.hosts as [LabHost, LabHost];
});

afterAll(() => lab?.down());

/** The ring's document less the port that a pair has no cable in. */
function pairDocument(host: LabHost): string {
  const unused = host.number === 1 ? "f1np1" : "f0np0";
  const lines = ringDocument(lab, host).split("\n");
  return lines.filter((line) => !new RegExp(`^(netdev|link) \\S+${unused} `).test(line)).join("\n");
}

/** Follows all that a host's sshd starts from now on, from outside: the host has no strace. `end` returns what was seen. */
async function straceOfSshd({ name }: LabHost, words: readonly string[]): Promise<{ end(): Promise<string> }> {
  const sshd = await inside(lab, name, "systemctl show -p MainPID --value ssh");
  const net = await inside(lab, name, "readlink /proc/self/ns/net");
  const candidates = await run([
    "bash",
    "-c",
    `for pid in $(pgrep -x sshd); do grep -lq "^NSpid:.*[[:space:]]${sshd}$" /proc/$pid/status && readlink /proc/$pid/ns/net && echo $pid; done; true`,
  ]);
  const lines = candidates.stdout.trim().split("\n");
  expect(lines).toContain(net);
  const pid = lines[lines.indexOf(net) + 1];
  const strace = spawn("strace", ["-f", "-qq", ...words, "-p", `${pid}`]);
  let log = "";
  strace.stderr.on("data", (chunk: Buffer) => {
    log += chunk.toString();
  });
  const isTraced = () => /^TracerPid:\t[1-9]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  await until(isTraced, 60, "strace to attach");
  return {
    async end() {
      strace.kill("SIGINT");
      await new Promise((resolve) => strace.on("close", resolve));
      return log;
    },
  };
}

const failedLogins = async () =>
  Number(
    await inside(
      lab,
      asking.name,
      "journalctl --sync; journalctl --no-pager -o cat | grep -c 'pam_unix(sudo:auth): authentication failure' || true",
    ),
  );

test("no password where sudo asks for one: refused, with what to do", async () => {
  const { code, stdout, message } = await operate(lab, asking, "stage", pairDocument(asking), "", "");
  expect(code).not.toBe(0);
  expect(stdout).toBe("");
  expect(message).toBe(
    "spark-2: passwordless sudo not available: set spark-mesh:sudoPassword, or allow nvidia to run sudo without a password",
  );
});

test("a wrong password is one failed login and no more", async () => {
  const before = await failedLogins();
  const { code, stdout, stderr, message } = await operate(
    lab,
    asking,
    "stage",
    pairDocument(asking),
    "",
    "wrong-canary",
  );
  expect(code).not.toBe(0);
  expect(stdout).toBe("");
  expect(message).toMatch(/^spark-2: sudo password refused for nvidia: correct spark-mesh:sudoPassword/);
  expect(stderr).not.toContain("canary");
  expect(await failedLogins()).toBe(before + 1);
});

test.each([
  ["sudo remembers", "5"],
  ["sudo remembers nothing", "0"],
])("the password, where %s, shows in no process, environment, file or journal", async (_, minutes) => {
  await inside(
    lab,
    asking.name,
    `echo 'Defaults timestamp_timeout=${minutes}' >/etc/sudoers.d/timeout; chmod 0440 /etc/sudoers.d/timeout`,
  );
  const watch = await straceOfSshd(asking, ["-v", "-s", "4096", "-e", "trace=execve"]);
  const id = await must(lab, asking, "stage", pairDocument(asking));
  expect(id).toMatch(/^\d{8}T\d{6}-[0-9a-f]{8}$/);
  await must(lab, asking, "commit", pairDocument(asking), id);
  const started = await watch.end();
  expect(started).toMatch(/execve\("[^"]*sudo", \["sudo", "-S"/);
  expect(started).not.toContain("canary");
  expect(
    await inside(
      lab,
      asking.name,
      "ls /tmp/canary 2>/dev/null; grep -rl canar[y] /etc /var/lib/spark-mesh /run /tmp /home /root 2>/dev/null; journalctl --sync; journalctl --no-pager | grep canar[y]; true",
    ),
  ).toBe("");
  await must(lab, asking, "undo", pairDocument(asking));
  await must(lab, asking, "release", pairDocument(asking));
});

test("the file's text is on disk before its name, and its name before netplan is told", async () => {
  const watch = await straceOfSshd(free, ["-y", "-s", "200", "-e", "trace=fsync,rename,renameat,renameat2,execve"]);
  const { command, stdin } = operationCommand(lab, free, "stage", pairDocument(free));
  const { code, stderr } = await run(command, { stdin });
  const log = await watch.end();
  expect(stderr || `${code}`).toBe("0");
  // A call that another process interrupts in the log is told of in two lines.
  const at = (pattern: RegExp) => {
    const found = log.split("\n").findIndex((line) => pattern.test(line));
    expect(found, `${pattern}`).toBeGreaterThan(-1);
    return found;
  };
  const order = [
    at(/fsync\(\d+<[^>]*tx\/[^>]*\/rollback>/),
    at(/execve\("[^"]*systemd-run".*--on-active/),
    at(/fsync\(\d+<[^>]*\/spark-mesh\/\.armed\.json\.spark-mesh>/),
    at(/rename[^"]*"[^"]*armed\.json\.spark-mesh"/),
    at(/fsync\(\d+<[^>]*\/etc\/netplan\/\.40-cx7\.yaml\.spark-mesh>/),
    at(/rename[^"]*"[^"]*40-cx7\.yaml\.spark-mesh"/),
    at(/fsync\(\d+<[^>]*\/etc\/netplan>/),
    at(/execve\("[^"]*systemd-run".*spark-mesh-apply/),
  ];
  expect(order).toEqual([...order].sort((a, b) => a - b));
  await must(lab, free, "undo", pairDocument(free));
  await must(lab, free, "release", pairDocument(free));
});
