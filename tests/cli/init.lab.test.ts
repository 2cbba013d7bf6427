import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { Lab } from "../../lab/hosts/lab";
import { until } from "../scenarios/observe";
import { Desk } from "./desk";

/** `spark-mesh init` and `doctor` as a newcomer runs them: in a checkout without a stack, on Sparks that nobody knows yet. */

const NAME = "cli-init";
const PASSPHRASE = "newcomer's passphrase";
let lab: Lab;
let desk: Desk;
let places: readonly string[];
let key: readonly string[];
/** Of every host, what it has in the folders that we ever write to. */
const LOOK =
  "cd / && find etc/netplan etc/systemd var/lib/spark-mesh home/nvidia/.ssh -newermt @0 -printf '%p %s %T@\\n' | sort";
const looks = async () =>
  Promise.all(lab.hosts.map(async ({ name }) => (await lab.exec(name, `${LOOK} 2>/dev/null`)).stdout));

beforeAll(async () => {
  lab = await Lab.up({ name: NAME, fresh: true, stackFile: false });
  desk = await Desk.at(lab, "lab");
  places = lab.hosts.map(({ address }) => `nvidia@${address}`);
  key = ["--identity", lab.hosts[0]?.identityFile ?? ""];
  const names = lab.hosts.map(({ name }) => name);
  await until(lab, names, "! ip -6 -o address show tentative | grep -q np", 20);
  writeFileSync(desk.path("ssh/known_hosts"), "");
});

afterAll(async () => {
  desk?.project.remove();
  await Lab.down(NAME);
});

describe("init", () => {
  const stackFile = () => desk.path("Pulumi.home.yaml");
  const passphrase = () => desk.path(PASSPHRASE);

  it("pins no key that nobody has looked at, and writes nothing then", async () => {
    const { code, stderr } = await desk.run("init", [...places, ...key, "--passphrase-file", passphrase()]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/shows +SHA256:/);
    expect(stderr).toContain("--yes");
    expect([existsSync(stackFile()), existsSync(passphrase())]).toEqual([false, false]);
  });

  it("writes a stack's file and its passphrase, and nothing on a host", async () => {
    const before = await looks();
    const words = [...places, ...key, "--passphrase-file", passphrase(), "--yes", "--json"];
    const { code, stdout, stderr } = await desk.run("init", words);
    expect(code, stdout + stderr).toBe(0);
    expect(await looks()).toEqual(before);
    const said = JSON.parse(stdout);
    expect(said).toMatchObject({ stack: "home", topology: "ring", problems: [] });
    expect(said.wrote).toEqual(["Pulumi.home.yaml", passphrase()]);
    expect(statSync(passphrase()).mode & 0o777).toBe(0o600);
    const text = readFileSync(stackFile(), "utf8");
    expect(text).toMatch(/^# yaml-language-server: \$schema=\.\/config\/stack\.schema\.json\n/);
    const { config } = parse(text);
    expect(config["spark-mesh:hosts"]).toEqual(
      lab.hosts.map(({ name, address, hostKey }) => ({ name, address, user: "nvidia", hostKey })),
    );
    expect(text + stdout + stderr).not.toContain(readFileSync(passphrase(), "utf8").trim());
  });

  it("says what is to be done next, and a preview takes what it wrote", async () => {
    const { project } = desk;
    const again = await desk.run("init", [...places, ...key]);
    expect([again.code, again.stderr]).toEqual([1, expect.stringContaining("Pulumi.home.yaml: is there already")]);
    const other = ["--stack", "other", "--passphrase-file", passphrase(), "--yes"];
    const { stdout } = await desk.run("init", [...places, ...key, ...other], { env: { PULUMI_BACKEND_URL: "" } });
    const next = stdout.slice(stdout.indexOf("\nnext:")).match(/(?<=^ {4}).*$/gm);
    expect(next?.slice(1)).toEqual([
      "npx pulumi login --local",
      "npx pulumi stack init other",
      `npx pulumi config set --secret --path 'spark-mesh:sudoPasswords["spark-3"]'`,
      "npx pulumi up",
    ]);
    expect(next?.[0]).toBe(`export PULUMI_CONFIG_PASSPHRASE_FILE='${passphrase().replaceAll("'", `'\\''`)}'`);
    const stack = project.stackFile;
    const before = readFileSync(stack, "utf8");
    // The salt of its secrets stays.
    const own = parse(before);
    const sudo = own.config["spark-mesh:sudoPasswords"];
    const written = parse(readFileSync(stackFile(), "utf8"));
    writeFileSync(stack, JSON.stringify({ ...own, config: { ...written.config, "spark-mesh:sudoPasswords": sudo } }));
    const preview = await project.preview();
    writeFileSync(stack, before);
    expect(preview.code, preview.output).toBe(0);
  });

  it("doesn't write for hosts of which one is not reached", async () => {
    const words = [...places.slice(1), "nvidia@127.0.0.9:9", ...key, "--stack", "third", "--yes", "--json"];
    const { code, stdout } = await desk.run("init", words);
    expect(code).toBe(1);
    expect(JSON.parse(stdout).problems.join("\n")).toMatch(/^spark-3: unreachable/m);
    expect(existsSync(desk.path("Pulumi.third.yaml"))).toBe(false);
  });
});

describe("doctor", () => {
  it("tells of machine and hosts, and no secret, address, key or path", async () => {
    const { code, stdout, stderr } = await desk.run("doctor", ["--stack", "home", "--json"], {
      env: { PULUMI_BACKEND_URL: "file:///home/canary", PULUMI_CONFIG_PASSPHRASE: "canary-pass" },
    });
    expect(code, stdout + stderr).toBe(0);
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({ backend: "file", passphrase: { from: "PULUMI_CONFIG_PASSPHRASE" }, problems: [] });
    expect(Object.keys(report.versions)).toEqual(expect.arrayContaining(["spark-mesh", "Node.js", "OpenSSH"]));
    expect(report.hosts.map(({ name, state }: Record<string, string>) => [name, state])).toEqual([
      ["spark-1", "facts"],
      ["spark-2", "facts"],
      ["spark-3", "facts"],
    ]);
    expect(report.hosts[2].facts).toMatchObject({ sudo: "refused", committed: false });
    expect(report.hosts[0].facts.cx7).toHaveLength(4);
    expect(stdout).not.toContain("canary");
    for (const { address, hostKey, identityFile } of lab.hosts) {
      for (const secret of [address, hostKey.split(" ")[1] ?? "", identityFile]) expect(stdout).not.toContain(secret);
    }
  });

  it("ends with 1 where a host can't be asked, and says why", async () => {
    const { code, stdout } = await desk.run("doctor", ["nvidia@127.0.0.9:9", ...key]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^ {2}spark-1: host key unknown: .*spark-mesh trust 127\.0\.0\.9:9$/m);
  });
});

it("discover says each host that it didn't reach, and ends with 1", async () => {
  const { code, stdout } = await desk.run("discover", ["--stack", "home"]);
  expect(code, stdout).toBe(0);
  const file = desk.path("Pulumi.home.yaml");
  const text = readFileSync(file, "utf8");
  writeFileSync(file, text.replace(lab.hosts[1]?.address ?? "", "127.0.0.9"));
  const away = await desk.run("discover", ["--stack", "home"]);
  expect(away.code).toBe(1);
  expect(away.stdout).toMatch(/\n1 of 3 hosts not reached:\n {2}spark-2: unreachable \(/);
});
