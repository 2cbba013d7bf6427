import { execFileSync, spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Lab } from "../../lab/hosts/lab";
import { inside } from "../inside";
import { installProgram } from "../scripts/program";

const labName = "trustcli";
const checkout = join(__dirname, "../..");
let lab: Lab;
/** Where a command runs: the stack's file and known_hosts are in it. */
let folder: string;
/** Fingerprints that the hosts tell of themselves, and their keys. */
let print: Record<string, string>;
let key: Record<string, string>;

beforeAll(async () => {
  lab = await Lab.up({
    name: labName,
    stackFile: false,
    fresh: true,
    wiring: "pair",
    hosts: [
      { name: "spark-1", renderer: "networkd" },
      { name: "spark-2", renderer: "networkd" },
    ],
  });
  await inside(lab, "spark-1", "/usr/sbin/sshd -p 2222");
  // The other never saw an `up`.
  await installProgram(lab, lab.hosts.slice(1));
  await readKeys();
});
afterAll(() => Lab.down(labName));

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "trust-test-"));
  return () => rmSync(folder, { recursive: true });
});

async function readKeys(): Promise<void> {
  const own = async (host: string) => {
    const path = "/etc/ssh/ssh_host_ed25519_key.pub";
    const [line = "", text = ""] = (await inside(lab, host, `ssh-keygen -lf ${path}; cat ${path}`)).split("\n");
    return { print: line.split(" ")[1] ?? "", key: text.split(" ").slice(0, 2).join(" ") };
  };
  const [one, two] = [await own("spark-1"), await own("spark-2")];
  print = { "spark-1": one.print, "spark-2": two.print };
  key = { "spark-1": one.key, "spark-2": two.key };
}

const address = (host: string) => lab.hosts.find(({ name }) => name === host)?.address ?? "";
const identityFile = () => lab.hosts[0]?.identityFile ?? "";
const knownHosts = () => join(folder, "known_hosts");
const known = () => (existsSync(knownHosts()) ? readFileSync(knownHosts(), "utf8") : "");
const stackFile = () => join(folder, "Pulumi.home.yaml");

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command in the folder, with a configuration of OpenSSH of its own; without input, or with answers at a terminal. */
function run(
  command: readonly string[],
  more: { config?: string; answers?: string; password?: string } = {},
): Promise<Outcome> {
  const bin = join(folder, "bin");
  mkdirSync(bin, { recursive: true });
  const common = `Host *\n  User nvidia\n  UserKnownHostsFile ${knownHosts()}\n  GlobalKnownHostsFile /dev/null\n`;
  writeFileSync(join(bin, "config"), `${more.config ?? ""}\n${common}`);
  writeFileSync(join(bin, "ssh"), `#!/bin/sh\nexec /usr/bin/ssh -F ${join(bin, "config")} "$@"\n`, { mode: 0o755 });
  const env: NodeJS.ProcessEnv = { ...process.env, PATH: `${bin}:${process.env.PATH}` };
  delete env.SSH_AUTH_SOCK;
  const words = more.answers === undefined ? command : ["script", "-qec", command.join(" "), "/dev/null"];
  const child = spawn(words[0] ?? "", words.slice(1), { cwd: folder, env });
  const said = { stdout: "", stderr: "" };
  // An answer is given when it is asked for, as a person does.
  const due = [
    { asked: "[y/N] ", answer: more.answers },
    { asked: "password of ", answer: more.password && `${more.password}\n` },
  ].filter(({ answer }) => answer !== undefined && more.answers !== undefined);
  child.stdout.on("data", (bytes: Buffer) => {
    said.stdout += bytes;
    if (due[0] && said.stdout.includes(due[0].asked)) child.stdin.write(due.shift()?.answer ?? "");
  });
  child.stderr.on("data", (bytes: Buffer) => {
    said.stderr += bytes;
  });
  if (more.answers === undefined) child.stdin.end(more.password && `${more.password}\n`);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, ...said }));
  });
}
const program = (name: string, words: readonly string[]) => [
  process.execPath,
  join(checkout, "bin/spark-mesh.cjs"),
  name,
  ...words,
];
const trust = (words: readonly string[], more?: Parameters<typeof run>[1]) => run(program("trust", words), more);

const STACK = () => `# the two in the cellar
config:
  spark-mesh:hosts:
    # the head
    - name: spark-1 # left
      address: ${address("spark-1")}
    - { name: spark-2, address: ${address("spark-2")} }
  spark-mesh:ssh: { identityFile: ${identityFile()}, user: nvidia } # by key
`;

describe("a host that is not known", () => {
  it("is shown and not pinned without a terminal or --yes", async () => {
    const { code, stdout, stderr } = await trust([address("spark-1")]);
    expect(code).toBe(1);
    expect(stdout).toContain(`shows    ${print["spark-1"]}`);
    expect(stdout).toContain("ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub");
    expect(stderr).toBe(
      `${address("spark-1")}: not pinned: found no terminal to ask at, wanted an answer; compare ${print["spark-1"]} with the machine's own, then add --yes\n`,
    );
    expect(existsSync(knownHosts())).toBe(false);
  });

  it("is pinned at a terminal after a yes, hashed where OpenSSH says so, and then OpenSSH lets itself in", async () => {
    const config = "HashKnownHosts yes\n";
    writeFileSync(knownHosts(), "# mine, without a newline", { mode: 0o640 });
    const no = await trust([address("spark-1")], { config, answers: "n\n" });
    expect(no.code).toBe(1);
    expect(no.stdout).toContain("not pinned: found another answer");
    expect(known()).toBe("# mine, without a newline");
    const end = await trust([address("spark-1")], { config, answers: "\x03" });
    expect(end.code).toBe(1);
    expect(end.stdout).toContain("found the end of the input");

    const yes = await trust([address("spark-1")], { config, answers: "y\n" });
    expect(yes.code, yes.stdout).toBe(0);
    expect(known()).toMatch(/^# mine, without a newline\n\|1\|\S+ ssh-ed25519 \S+\n$/);
    expect(known()).toContain(key["spark-1"]);
    expect(statSync(knownHosts()).mode & 0o777).toBe(0o640);

    const pinned = known();
    const again = await trust([address("spark-1")], { config });
    expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining("pinned already"), stderr: "" });
    expect(known()).toBe(pinned);
    const ssh = ["ssh", "-i", identityFile(), "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes"];
    expect(await run([...ssh, address("spark-1"), "hostname"], { config })).toMatchObject({ stdout: "spark-1\n" });
  });

  it("is pinned under the port or the alias that OpenSSH looks it up by", async () => {
    const config = `Host other\n  HostName ${address("spark-1")}\n  Port 2222\nHost named\n  HostName ${address("spark-2")}\n  HostKeyAlias the-second\n`;
    expect(await trust(["other", "named", "--yes"], { config })).toMatchObject({ code: 0, stderr: "" });
    expect(known()).toBe(`[${address("spark-1")}]:2222 ${key["spark-1"]}\nthe-second ${key["spark-2"]}\n`);
    const again = await trust([`${address("spark-1")}:2222`, "named", "--json"], { config });
    expect(JSON.parse(again.stdout)).toEqual({
      hosts: ["spark-1", "spark-2"].map((name, index) => ({
        host: [`${address("spark-1")}:2222`, "named"][index],
        state: "pinned",
        key: key[name],
        fingerprint: print[name],
        pinned: [{ fingerprint: print[name], place: `${knownHosts()} line ${index + 1}` }],
      })),
      problems: [],
    });
  });

  it("behind a jump host is shown only where that one is pinned", async () => {
    const jump = `nvidia@${address("spark-1")}`;
    const config = `Host behind\n  HostName ${address("spark-2")}\n  ProxyJump ${jump}\n`;
    const behind = ["behind", "--identity", identityFile(), "--yes"];
    const unknown = await trust(behind, { config });
    expect(unknown).toMatchObject({ code: 1, stdout: "" });
    expect(unknown.stderr).toMatch(/^behind: jump host 10\S+: host key unknown: .*npx spark-mesh trust nvidia@\S+\n$/);
    expect(await trust([jump, "--yes"], { config })).toMatchObject({ code: 0 });
    expect(await trust(behind, { config })).toMatchObject({ code: 0 });
    expect(known()).toContain(`${address("spark-2")} ${key["spark-2"]}\n`);

    writeFileSync(knownHosts(), `${address("spark-1")} ${key["spark-2"]}\n`);
    const { code, stderr } = await trust(behind, { config });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^behind: jump host \S+: host key mismatch: .*npx spark-mesh trust --replace \S+\n$/);
    expect(stderr).toContain(`found ${print["spark-1"]}, wanted the pinned ${print["spark-2"]}`);
  });

  it("that can't be reached, or whose key was revoked, keeps no other from being pinned", async () => {
    writeFileSync(knownHosts(), `@revoked * ${key["spark-2"]}\n`);
    const dead = address("spark-1").replace(/\d+$/, "99");
    const { code, stderr } = await trust([dead, address("spark-2"), address("spark-1"), "--yes"]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^\S+99: unreachable \(.*\); check its power.*\n\S+: host key revoked: .*\n$/);
    expect(known()).toBe(`@revoked * ${key["spark-2"]}\n${address("spark-1")} ${key["spark-1"]}\n`);
  });
});

describe("a stack", () => {
  it("gets all its hosts pinned in its file, which keeps its comments", async () => {
    writeFileSync(stackFile(), STACK());
    expect(await trust(["--stack", "home", "--yes"])).toMatchObject({ code: 0, stderr: "" });
    expect(readFileSync(stackFile(), "utf8")).toBe(
      STACK()
        .replace("    - { name", `      hostKey: ${key["spark-1"]}\n    - { name`)
        .replace(`${address("spark-2")} }`, `${address("spark-2")}, hostKey: ${key["spark-2"]} }`),
    );
    expect(known()).toBe("");
    const facts = await run(program("discover", ["--stack", "home"]));
    expect(facts.stdout).not.toContain("host key");
    expect(facts.stdout).toContain("spark-1/0-spark-2/1");
  });

  it("has hosts by name alone, and mistakes end with 2", async () => {
    writeFileSync(stackFile(), STACK());
    const unknown = await trust(["--stack", "home", "spark-3"]);
    expect(unknown).toMatchObject({ code: 2, stderr: expect.stringContaining("no host is named spark-3") });
    expect(await trust([])).toMatchObject({ code: 2 });
    expect(await trust(["--help"])).toMatchObject({ code: 0, stdout: expect.stringContaining("--rotate") });
  });
});

describe("a changed key", () => {
  it("stops facts and trust with both fingerprints, until it is replaced", async () => {
    writeFileSync(stackFile(), STACK());
    writeFileSync(knownHosts(), `# mine\n${address("spark-2")},cellar ${key["spark-2"]}\n`);
    const settled = await trust(["--stack", "home", "spark-2"]);
    expect(settled).toMatchObject({ code: 0, stdout: expect.stringContaining("pinned already") });
    expect(readFileSync(stackFile(), "utf8")).toBe(STACK());
    const before = print["spark-2"];
    const pinned = STACK().replace(`${address("spark-2")} }`, `${address("spark-2")}, hostKey: ${key["spark-2"]} }`);
    writeFileSync(stackFile(), pinned);
    writeFileSync(knownHosts(), `${known()}${address("spark-1")} ${key["spark-1"]}\n`);
    await inside(
      lab,
      "spark-2",
      "cd /etc/ssh && rm ssh_host_ed25519_key* && ssh-keygen -q -t ed25519 -N '' -f ssh_host_ed25519_key && systemctl restart ssh",
    );
    await readKeys();
    const fault =
      `spark-2: host key mismatch: found ${print["spark-2"]}, wanted the pinned ${before}; the machine was reinstalled, ` +
      "or another one answers in its place; compare the found key with the machine's own (`ssh-keygen -lf " +
      "/etc/ssh/ssh_host_ed25519_key.pub` on it), and only where they are the same: " +
      "npx spark-mesh trust --replace --stack home spark-2";
    expect((await run(program("discover", ["--stack", "home"]))).stdout).toContain(`  ${fault}\n`);
    expect(await trust(["--stack", "home", "--yes"])).toMatchObject({ code: 1, stderr: `${fault}\n` });
    expect(readFileSync(stackFile(), "utf8")).toBe(pinned);
    const unasked = await trust(["--stack", "home", "--replace", "spark-2"]);
    expect(unasked).toMatchObject({ code: 1, stderr: expect.stringContaining("found no terminal to ask at") });

    const asked = await trust(["--stack", "home", "--replace", "spark-2"], { answers: "yes\n" });
    expect(asked.stdout).toContain("in place of the old key? [y/N]");
    expect(asked.code, asked.stdout).toBe(0);
    expect(readFileSync(stackFile(), "utf8")).toContain(`, hostKey: ${key["spark-2"]} }`);
    expect((await run(program("discover", ["--stack", "home"]))).stdout).not.toContain("host key");

    const old = known();
    const changed = await trust([address("spark-2"), "--yes"]);
    expect(changed.stderr).toMatch(/host key mismatch: .*npx spark-mesh trust --replace 10\.[\d.]+\n$/);
    expect(known()).toBe(old);
    expect(await trust([address("spark-2"), "--yes", "--replace"])).toMatchObject({ code: 0, stderr: "" });
    expect(known()).toBe(
      `${old.replace(`${address("spark-2")},cellar`, "cellar")}${address("spark-2")} ${key["spark-2"]}\n`,
    );
  });
});

describe("a new mesh key", () => {
  const withPins = () => {
    writeFileSync(stackFile(), STACK());
    writeFileSync(knownHosts(), ["spark-1", "spark-2"].map((host) => `${address(host)} ${key[host]}\n`).join(""));
  };

  it("is asked for only where there is one, and once", async () => {
    withPins();
    const none = await trust(["--rotate", "spark-2"]);
    expect(none).toMatchObject({ code: 1, stderr: expect.stringMatching(/^spark-2: found no mesh key in ~\/\.ssh/) });
    const make = "mkdir -m 700 -p ~nvidia/.ssh/spark-mesh && touch ~nvidia/.ssh/spark-mesh/id_ed25519";
    await inside(lab, "spark-2", `${make} && chown -R nvidia: ~nvidia/.ssh/spark-mesh`);
    expect(await trust(["--rotate", "spark-2"])).toMatchObject({
      code: 0,
      stdout: "spark-2: asked for a new mesh key; the next `pulumi up` replaces it everywhere\n",
    });
    expect(await inside(lab, "spark-2", "stat -c '%a %U %s' ~nvidia/.ssh/spark-mesh/rotate")).toBe("600 nvidia 0");
    const again = await trust(["--rotate", "spark-1", "spark-2", "--stack", "home", "--json"]);
    expect(JSON.parse(again.stdout)).toEqual({
      asked: ["spark-2"],
      problems: [expect.stringContaining("spark-1: found no mesh key")],
    });
    expect(again.code).toBe(1);
  });

  it("is asked for over a pinned session alone", async () => {
    writeFileSync(stackFile(), STACK());
    const { code, stderr } = await trust(["--rotate", "spark-1"]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^spark-1: host key unknown: .*npx spark-mesh trust --stack home spark-1\n$/);
  });
});

describe("hosts that know only a password", () => {
  const PASSWORD = "canary pass'word $1";
  const keys = "/home/nvidia/.ssh/authorized_keys";
  const own = () => join(folder, "own");
  let before: Record<string, string>;

  beforeAll(async () => {
    for (const host of ["spark-1", "spark-2"]) {
      await inside(lab, host, "chpasswd", { stdin: `nvidia:${PASSWORD}\n` });
      // sshd would turn us away for a while after the first few refusals.
      await inside(lab, host, "echo 'PerSourcePenalties no' >/etc/ssh/sshd_config.d/all.conf; systemctl reload ssh");
      // A last line without an end, as an editor leaves it.
      await inside(lab, host, `printf '# mine' >>${keys}`);
    }
    before = {
      "spark-1": await inside(lab, "spark-1", `cat ${keys}`),
      "spark-2": await inside(lab, "spark-2", `cat ${keys}`),
    };
  });
  beforeEach(() => {
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "me@laptop", "-f", own()]);
    writeFileSync(stackFile(), STACK().replace(identityFile(), own()));
  });
  const added = (host: string) => inside(lab, host, `cat ${keys}`);

  it("are named with what lets the key in", async () => {
    await trust(["--stack", "home", "--yes"]);
    const { stdout } = await run(program("discover", ["--stack", "home"]));
    expect(stdout).toContain("npx spark-mesh trust --authorize --stack home spark-1");
  });

  it("let it in after one password, which is in no output, file or log of a host", async () => {
    const config = "Host 10.*\n  ControlMaster no\n";
    const asked = await trust(["--stack", "home", "--authorize", "--yes"], { config, password: PASSWORD });
    expect(asked.code, asked.stdout + asked.stderr).toBe(0);
    const line = readFileSync(`${own()}.pub`, "utf8").trim();
    for (const host of ["spark-1", "spark-2"]) {
      expect(await added(host)).toBe(`${before[host]}\n${line}`);
      expect(asked.stdout).toMatch(new RegExp(`^${host}: lets SHA256:\\S+ in as nvidia from now on$`, "m"));
      expect(await inside(lab, host, "journalctl --sync; journalctl --no-pager | grep -c canary; true")).toBe("0");
    }
    expect(asked.stdout + asked.stderr).not.toContain("canary");
    expect(readdirSync(folder).sort()).toEqual(["Pulumi.home.yaml", "bin", "own", "own.pub"]);
    const again = await trust(["--stack", "home", "--authorize", "--json"]);
    expect(JSON.parse(again.stdout)).toMatchObject({
      logins: [
        { host: "spark-1", state: "admitted" },
        { host: "spark-2", state: "admitted" },
      ],
      problems: [],
    });
    expect(await added("spark-1")).toBe(`${before["spark-1"]}\n${line}`);
  });

  it("are asked at a terminal after a yes, and stay as they are without one", async () => {
    await trust(["--stack", "home", "--yes"]);
    const was = await added("spark-1");
    const words = ["--stack", "home", "--authorize", "spark-1"];
    const no = await trust(words, { answers: "n\n" });
    expect(no).toMatchObject({ code: 1, stdout: expect.stringContaining("not authorized: found another answer") });
    const nobody = await trust(words);
    expect(nobody).toMatchObject({ code: 1, stderr: expect.stringContaining("run this at a terminal, or with --yes") });
    expect(await added("spark-1")).toBe(was);
    const yes = await trust(words, { answers: "y\n", password: PASSWORD });
    expect(yes.code, yes.stdout).toBe(0);
    expect(yes.stdout).not.toContain("canary");
    expect(await added("spark-1")).toContain(readFileSync(`${own()}.pub`, "utf8").trim());
  });

  it("refuse a wrong password once each, and one that takes none says what to add", async () => {
    await trust(["--stack", "home", "--yes"]);
    await inside(
      lab,
      "spark-2",
      "echo 'PasswordAuthentication no' >/etc/ssh/sshd_config.d/no.conf; systemctl reload ssh",
    );
    const { code, stderr } = await trust(["--stack", "home", "--authorize", "--yes"], { password: "wrong" });
    await inside(lab, "spark-2", "rm /etc/ssh/sshd_config.d/no.conf; systemctl reload ssh");
    expect(code).toBe(1);
    expect(stderr).toMatch(/^spark-1: nvidia@\S+ refused the password; run this again with the right one$/m);
    expect(stderr).toMatch(
      /^spark-2: nvidia@\S+ takes no password .* on the machine itself: ssh-ed25519 \S+ me@laptop$/m,
    );
    const failures = "journalctl --sync; journalctl --no-pager -u ssh | grep -c 'Failed password'; true";
    expect(Number(await inside(lab, "spark-1", failures))).toBe(1);
  });
});
