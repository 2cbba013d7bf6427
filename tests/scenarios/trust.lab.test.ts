import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fingerprint } from "../../facts/hostKey";
import { Lab } from "../../lab/hosts/lab";
import { Project } from "../../lab/project";
import { inside } from "../inside";
import { scenarioEngines } from "./engines";
import { RING_ADDRESSES } from "./observe";
import { expectQuiet, expectWarned, rounds, succeeds } from "./steps";

const HOSTS = Object.keys(RING_ADDRESSES);
const run = promisify(execFile);

/** Who logs in to a host: another user with another home on one, another port on another. */
const LOGINS: Readonly<Record<string, { readonly user: string; readonly home: string; readonly port: number }>> = {
  "spark-1": { user: "nvidia", home: "/home/nvidia", port: 22 },
  "spark-2": { user: "serving", home: "/srv/serving", port: 22 },
  "spark-3": { user: "nvidia", home: "/home/nvidia", port: 2222 },
};
const loginOf = (host: string) => LOGINS[host] ?? { user: "", home: "", port: 0 };

/** What makes a fresh host one of those, run as root in it. */
const PREPARATIONS: Readonly<Record<string, string>> = {
  "spark-1":
    "cd /home/nvidia/.ssh && printf 'User somebody\\nHost elsewhere\\n  Port 2022' >config && chown nvidia: config",
  "spark-2": `useradd -m -d /srv/serving -s /bin/bash serving
    echo 'serving ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/serving
    install -d -m 700 -o serving -g serving /srv/serving/.ssh
    { cat /home/nvidia/.ssh/authorized_keys; seq -f 'command="false" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINoBody%03g nobody' 500; printf '# no newline'; } >/srv/serving/.ssh/authorized_keys
    chown serving: /srv/serving/.ssh/authorized_keys; chmod 600 /srv/serving/.ssh/authorized_keys`,
  "spark-3": `printf 'Port 22\\nPort 2222\\n' >/etc/ssh/sshd_config.d/ports.conf; systemctl restart ssh
    printf '192.0.2.1 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHh1Z2U' >/home/nvidia/.ssh/known_hosts; chown nvidia: /home/nvidia/.ssh/known_hosts`,
};

interface Drift {
  readonly name: string;
  readonly host: string;
  /** Run as root in the folder ~/.ssh of the host's user. */
  readonly breakage: string;
  /** What the preview's warning must hold. */
  readonly says: readonly string[];
}

const DRIFTS: readonly Drift[] = [
  {
    name: "a peer's key is missing",
    host: "spark-1",
    breakage: "sed -i '/^restrict.*spark-mesh:spark-3/d' authorized_keys",
    says: ["authorized_keys", "spark-3"],
  },
  {
    name: "an entry is edited",
    host: "spark-2",
    breakage: 'sed -i \'s/^restrict,pty,from="[^"]*"/pty/\' authorized_keys',
    says: ["authorized_keys"],
  },
  {
    name: "a foreign key is in our block",
    host: "spark-3",
    breakage:
      "sed -i '/^# BEGIN spark-mesh/a ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFRoaXNJc05vdE91cktleVRoaXNJc05vdE91cktl mallory' authorized_keys",
    says: ["authorized_keys", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFRoaXNJ"],
  },
  {
    name: "a peer's host key is missing",
    host: "spark-2",
    breakage: "sed -i '/^spark-1[, ]/d' known_hosts",
    says: ["known_hosts", "spark-1"],
  },
  {
    name: "the configuration is edited",
    host: "spark-1",
    breakage: "sed -i 's/StrictHostKeyChecking yes/StrictHostKeyChecking no/' config",
    says: ["config", "StrictHostKeyChecking"],
  },
  { name: "a file is open to all", host: "spark-3", breakage: "chmod 666 config", says: ["config", "666"] },
  {
    name: "the private key is open to all",
    host: "spark-1",
    breakage: "chmod 644 spark-mesh/id_ed25519",
    says: ["id_ed25519", "644", "600"],
  },
  {
    name: "the key pair is gone",
    host: "spark-2",
    breakage: "rm spark-mesh/id_ed25519 spark-mesh/id_ed25519.pub",
    says: ["id_ed25519"],
  },
  {
    name: "the block is gone",
    host: "spark-3",
    breakage: "sed -i '/^# BEGIN spark-mesh/,/^# END spark-mesh/d' known_hosts",
    says: ["known_hosts"],
  },
];

describe.each(scenarioEngines())("SSH trust on the $kind engine", (engine) => {
  const folder = mkdtempSync(join(tmpdir(), "trust-scenario-"));
  let lab: Lab;
  let project: Project;
  let before: string[];

  beforeAll(async () => {
    lab = await Lab.up({
      name: "trust",
      fresh: true,
      stackFile: false,
      hosts: [
        { name: "spark-1", renderer: "networkd" },
        { name: "spark-2", renderer: "NetworkManager" },
        { name: "spark-3", renderer: "networkd" },
      ],
    });
    for (const host of HOSTS) await inside(lab, host, PREPARATIONS[host] ?? "");
    project = await Project.create(engine, lab, { config: { hosts: entries(HOSTS) } });
    before = await footprints();
  });

  afterAll(async () => {
    rmSync(folder, { recursive: true, force: true });
    project?.remove();
    await Lab.down("trust");
  });

  const entries = (names: readonly string[]) =>
    lab.hosts
      .filter(({ name }) => names.includes(name))
      .map(({ name, address, number, hostKey }) => {
        const { user, port } = loginOf(name);
        return { name, address, number, hostKey, user, port };
      });

  /** Runs `ssh` on a Spark as its user does, with nothing but what it is to log in to. */
  function login(from: string, to: string): ReturnType<Lab["exec"]> {
    const { user } = loginOf(from);
    const options = "-o BatchMode=yes -o StrictHostKeyChecking=yes -o ConnectTimeout=5";
    return lab.exec(from, `runuser -l ${user} -c 'ssh ${options} ${to} hostname </dev/null'`);
  }

  /** Everything that is in a host's ~/.ssh, byte for byte, with modes and owners. */
  const footprints = () =>
    Promise.all(
      HOSTS.map((host) =>
        inside(
          lab,
          host,
          `cd ${loginOf(host).home} && find .ssh -printf '%p %y %m %u %g\\n' | sort && find .ssh -type f | sort | xargs sha256sum`,
        ),
      ),
    );

  const publicKeys = () =>
    Promise.all(
      HOSTS.map((host) => inside(lab, host, `cut -d' ' -f1,2 ${loginOf(host).home}/.ssh/spark-mesh/id_ed25519.pub`)),
    );

  async function expectLogins(hosts: readonly string[]): Promise<void> {
    const addressOf = new Map(lab.hosts.map(({ name, address }) => [name, address]));
    const subnetsOf = (host: string) =>
      Object.values(RING_ADDRESSES[host] ?? {}).map((cidr) => cidr.replace(/\.\d+\/24$/, ""));
    for (const from of hosts) {
      for (const to of hosts.filter((host) => host !== from)) {
        const shared = Object.values(RING_ADDRESSES[to] ?? {})
          .map((cidr) => cidr.replace(/\/.*/, ""))
          .filter((address) => subnetsOf(from).includes(address.replace(/\.\d+$/, "")));
        expect(shared).toHaveLength(2);
        for (const place of [to, addressOf.get(to) ?? "", ...shared]) {
          const { code, stdout, stderr } = await login(from, place);
          expect(code, `${from} to ${to} at ${place}: ${stderr}`).toBe(0);
          expect(stdout.trim()).toBe(to);
        }
      }
    }
  }

  it("lets every Spark log in to every other at every address that they share", async () => {
    await succeeds(project.up());
    await expectLogins(HOSTS);
    const way = await lab.exec("spark-1", "runuser -l nvidia -c 'ssh -G spark-2'");
    expect(way.stdout, "the way is the cable").toContain("\nhostname 192.168.177.12\n");
    await expectQuiet(project);
  });

  it("gives every Spark a key of its own, and no state has any private half", async () => {
    const keys = await publicKeys();
    expect(new Set(keys).size).toBe(3);
    const state = await project.exported();
    for (const host of HOSTS) {
      const text = await inside(lab, host, `cat ${loginOf(host).home}/.ssh/spark-mesh/id_ed25519`);
      const lines = text.split("\n").filter((line) => line.length > 60);
      expect(lines.length).toBeGreaterThan(0);
      for (const line of lines) expect(state.includes(line)).toBe(false);
    }
  });

  it("refuses a stolen key outside the mesh", async () => {
    const stolen = join(folder, "stolen");
    const key = await inside(lab, "spark-2", "cat /srv/serving/.ssh/spark-mesh/id_ed25519");
    writeFileSync(stolen, `${key}\n`, { mode: 0o600 });
    const target = lab.hosts.find(({ name }) => name === "spark-1");
    const options = ["BatchMode=yes", "IdentitiesOnly=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null"];
    const attempt = run(
      "ssh",
      ["-F", "none", "-i", stolen, ...options.flatMap((option) => ["-o", option]), `nvidia@${target?.address}`, "true"],
      { env: { PATH: process.env.PATH } },
    );
    await expect(attempt).rejects.toThrow(/Permission denied/);
  });

  it.each(rounds(DRIFTS, HOSTS.length, ({ name }) => name))("says and repairs drift: %s", async (_, drifts) => {
    for (const { host, breakage } of drifts) await inside(lab, host, `cd ${loginOf(host).home}/.ssh && ${breakage}`);
    const preview = await succeeds(project.preview());
    expectWarned(
      preview,
      drifts.map(({ host, says }) => ({ says: [host, ...says] })),
    );
    await succeeds(project.up());
    await expectQuiet(project);
  });

  it("repairs the same drift a second time", async () => {
    for (const _ of ["first", "second"]) {
      await inside(lab, "spark-1", "chmod 666 /home/nvidia/.ssh/config");
      await succeeds(project.up("--skip-preview"));
      expect(await inside(lab, "spark-1", "stat -c %a /home/nvidia/.ssh/config")).toBe("644");
    }
    await expectQuiet(project);
  });

  it("replaces a key everywhere once its owner has asked for it", async () => {
    const old = await publicKeys();
    await inside(lab, "spark-2", "runuser -u serving -- touch /srv/serving/.ssh/spark-mesh/rotate");
    const preview = await project.preview();
    expect(preview.output).toMatch(/warning: spark-2: .*key/);
    await succeeds(project.up());
    const fresh = await publicKeys();
    expect(fresh[0]).toBe(old[0]);
    expect(fresh[1]).not.toBe(old[1]);
    expect(fresh[2]).toBe(old[2]);
    const one = await inside(lab, "spark-1", "cat /home/nvidia/.ssh/authorized_keys");
    expect(one).not.toContain(old[1]?.trim());
    expect(one).toContain(fresh[1]?.trim());
    await expectQuiet(project);
    await expectLogins(HOSTS);
  });

  it("is taken over untouched by a new state of the same stack", async () => {
    const keys = await publicKeys();
    const files = await footprints();
    const successor = await Project.create(engine, lab, { config: { hosts: entries(HOSTS) } });
    try {
      await succeeds(successor.up());
      expect(await publicKeys()).toEqual(keys);
      expect(await footprints()).toEqual(files);
      await expectQuiet(successor);
    } finally {
      successor.remove();
    }
  });

  it("revokes the key of a host that leaves the mesh", async () => {
    const [, , leaver] = await publicKeys();
    project.reconfigure({ hosts: entries(["spark-1", "spark-2"]) });
    await succeeds(project.up());
    for (const host of ["spark-1", "spark-2"]) {
      const { home } = loginOf(host);
      const text = await inside(lab, host, `cat ${home}/.ssh/authorized_keys ${home}/.ssh/known_hosts`);
      expect(text).not.toContain(leaver?.trim());
      expect(text).not.toContain("spark-3");
    }
    expect((await login("spark-3", "spark-1")).code).not.toBe(0);
    expect((await footprints())[2]).toBe(before[2]);
    await expectQuiet(project);
    await expectLogins(["spark-1", "spark-2"]);
    project.reconfigure({ hosts: entries(HOSTS) });
    await succeeds(project.up());
    await expectQuiet(project);
    await expectLogins(HOSTS);
  });

  it("refuses an impostor: in the facts, in apply, and among the Sparks", async () => {
    const pinned = lab.hosts.find(({ name }) => name === "spark-2")?.hostKey ?? "";
    const key = "/etc/ssh/ssh_host_ed25519_key";
    await inside(
      lab,
      "spark-2",
      `mkdir /root/true && cp -p ${key} ${key}.pub /root/true && rm ${key} && ssh-keygen -q -t ed25519 -N '' -f ${key} && systemctl restart ssh`,
    );
    const other = await inside(lab, "spark-2", `cut -d' ' -f1,2 ${key}.pub`);
    const preview = await project.preview();
    expect(preview.code).not.toBe(0);
    expect(preview.output).toContain(fingerprint(pinned));
    expect(preview.output).toContain(fingerprint(other));
    for (const place of ["spark-2", "192.168.177.12"]) {
      const attempt = await login("spark-1", place);
      expect(attempt.code).not.toBe(0);
      expect(attempt.stderr).toMatch(/Host key verification failed|IDENTIFICATION HAS CHANGED/);
    }
    // Destroy runs no program, so asks for no facts: there apply's own client meets it.
    const destroy = await project.destroy();
    expect(destroy.code).not.toBe(0);
    expect(destroy.output).toMatch(/host key mismatch|key mismatch/);
    await inside(lab, "spark-2", `cp -p /root/true/* /etc/ssh/ && systemctl restart ssh`);
  });

  it("is taken away by destroy, byte for byte", async () => {
    await succeeds(project.destroy());
    expect(await footprints()).toEqual(before);
  });
});
