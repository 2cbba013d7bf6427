import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Lab } from "../../lab/hosts/lab";
import { run } from "../../lab/hosts/process";
import { endName } from "../../lab/layout";
import { quietly } from "../inside";
import { until } from "../scenarios/observe";

const name = "test-lab";
const cx7 = ["enp1s0f0np0", "enP2p1s0f0np0", "enp1s0f1np1", "enP2p1s0f1np1"] as const;

let lab: Lab;

/** Sends one multicast ping out of each netdev and returns the MACs that answered, by netdev. */
async function neighbours(host: string): Promise<Record<string, string[]>> {
  const command = `for netdev in ${cx7.join(" ")}; do
    test -e /sys/class/net/$netdev || continue
    ping -6 -c 2 -w 3 ff02::1%$netdev >/dev/null 2>&1 || true
    echo $netdev $(ip -6 neigh show dev $netdev | sed -n 's/.*lladdr \\([0-9a-f:]*\\) .*/\\1/p')
  done`;
  const lines = (await quietly(lab, host, command)).split("\n").filter((line) => line !== "");
  return Object.fromEntries(lines.map((line) => [line.split(" ")[0] ?? "", line.split(" ").slice(1)]));
}

function macOf(host: string, netdev: string): Promise<string> {
  return quietly(lab, host, `cat /sys/class/net/${netdev}/address`);
}

function netdevsOf(port: string): string[] {
  return port.endsWith("/0") ? cx7.slice(0, 2) : cx7.slice(2);
}

/** All that a lab puts on the machine, as text that names it. */
async function traces(network: number): Promise<string[]> {
  const links = (await run(["ip", "-o", "link"])).stdout.split("\n");
  const spaces = (await run(["ip", "netns", "list"])).stdout.split("\n");
  const mounts = readFileSync("/proc/mounts", "utf8").split("\n");
  const processes = readdirSync("/proc")
    .filter((pid) => /^\d+$/.test(pid))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
      } catch {
        return "";
      }
    });
  const groups = mounts
    .map((line) => line.split(" "))
    .filter(([, , type]) => type === "cgroup2")
    .flatMap(([, folder]) => readdirSync(folder ?? ""));
  const mine = new RegExp(`\\bsml${network}\\b|labs/${name}\\b|labs/${name}-`);
  return [...links, ...spaces, ...mounts, ...processes, ...groups].filter((line) => mine.test(line));
}

describe.skipIf(process.getuid?.() !== 0)("a lab", () => {
  beforeAll(async () => {
    await Lab.down(name);
    lab = await Lab.up({ name, stackFile: false });
  });

  afterAll(async () => {
    await Lab.down(name);
  });

  test("boots hosts that let their user in, and sudo asks where it should", async () => {
    const answers = await Promise.all(
      lab.hosts.map((host) => run(lab.sshCommand(host.name, ["hostname; sudo -n true && echo free"]))),
    );
    expect(answers.map(({ stdout }) => stdout)).toEqual(["spark-1\nfree\n", "spark-2\nfree\n", "spark-3\n"]);
    const asked = await run(lab.sshCommand("spark-3", ["sudo -S -p '' id -u"]), {
      stdin: `${lab.hosts[2]?.sudoPassword}\n`,
    });
    expect(asked.stdout).toBe("0\n");
  });

  test("starts the units that DGX OS has", async () => {
    for (const { name: host, renderer } of lab.hosts) {
      await quietly(lab, host, "systemctl is-active --quiet systemd-networkd systemd-udevd ssh");
      await quietly(lab, host, "systemctl is-enabled --quiet systemd-networkd-wait-online");
      const networkManager = await lab.exec(host, "systemctl is-active NetworkManager");
      expect(networkManager.stdout.trim(), host).toBe(renderer === "NetworkManager" ? "active" : "inactive");
      expect((await lab.exec(host, "systemctl --failed --quiet --plain")).stdout, host).toBe("");
    }
  });

  test("keeps a signal to a whole process group inside", async () => {
    expect((await lab.exec("spark-1", "kill -KILL 0")).code).not.toBe(0);
    expect(await quietly(lab, "spark-1", "hostname")).toBe("spark-1");
  });

  test("has the article's cables, seen from both ends", async () => {
    expect(lab.state.cables.map(({ from, to }) => `${endName(from)}-${endName(to)}`)).toEqual([
      "1/0-2/1",
      "2/0-3/1",
      "3/0-1/1",
    ]);
    const seen = await Promise.all(lab.hosts.map(({ name: host }) => neighbours(host)));
    for (const { from, to } of lab.state.cables) {
      for (const [end, other] of [
        [from, to],
        [to, from],
      ] as const) {
        if (end.kind !== "port" || other.kind !== "port") {
          throw new Error("a ring has no switch");
        }
        for (const [twin, netdev] of netdevsOf(endName(end)).entries()) {
          const expected = await macOf(`spark-${other.host}`, netdevsOf(endName(other))[twin] ?? "");
          expect(seen[end.host - 1]?.[netdev], `spark-${end.host} ${netdev}`).toEqual([expected]);
        }
      }
    }
  });

  test("shows RoCE devices as the mlx5 driver does", async () => {
    const devices = await quietly(
      lab,
      "spark-1",
      "cd /sys/class/infiniband; echo *; cat */ports/1/state; echo */device/net/*",
    );
    expect(devices.split("\n")).toEqual([
      "roceP2p1s0f0 roceP2p1s0f1 rocep1s0f0 rocep1s0f1",
      ...Array(4).fill("4: ACTIVE"),
      "roceP2p1s0f0/device/net/enP2p1s0f0np0 roceP2p1s0f1/device/net/enP2p1s0f1np1 rocep1s0f0/device/net/enp1s0f0np0 rocep1s0f1/device/net/enp1s0f1np1",
    ]);
  });

  test("takes a netplan file on both renderers, and keeps it over a reboot", async () => {
    const netplan = (last: number, netdev: string) =>
      `network: {version: 2, ethernets: {${netdev}: {dhcp4: no, dhcp6: no, link-local: [], mtu: 9000, addresses: [192.168.177.${last}/24]}}}\n`;
    const write = "umask 077 && cat >/etc/netplan/40-cx7.yaml && netplan apply";
    expect((await lab.exec("spark-1", write, { stdin: netplan(11, "enp1s0f0np0") })).code).toBe(0);
    expect((await lab.exec("spark-2", write, { stdin: netplan(12, "enp1s0f1np1") })).code).toBe(0);
    const fullSize = "ping -c 1 -W 1 -M do -s 8972 192.168.177.12";
    await until(lab, ["spark-1"], fullSize, 60);
    await Promise.all([lab.reboot("spark-1"), lab.reboot("spark-2")]);
    await until(lab, ["spark-1"], fullSize, 60);
    for (const host of ["spark-1", "spark-2"]) {
      await quietly(lab, host, "rm /etc/netplan/40-cx7.yaml");
      await lab.reboot(host);
      expect(await quietly(lab, host, "ip -4 -o address show to 192.168.177.0/24"), host).toBe("");
    }
  });

  test("loses at a reboot what only the kernel knew, and its peers see the link go", async () => {
    const peer = "cat /sys/class/net/enp1s0f1np1/carrier_down_count";
    const before = Number(await quietly(lab, "spark-1", peer));
    await quietly(lab, "spark-3", "ip address add 192.0.2.1/24 dev enp1s0f0np0; ip link set enp1s0f0np0 mtu 4000");
    await lab.reboot("spark-3");
    expect(await quietly(lab, "spark-3", "ip -4 -o address show dev enp1s0f0np0")).toBe("");
    expect(await quietly(lab, "spark-3", "cat /sys/class/net/enp1s0f0np0/mtu")).toBe("1500");
    expect(Number(await quietly(lab, "spark-1", peer))).toBeGreaterThan(before);
    expect(await quietly(lab, "spark-1", "cat /sys/class/net/enp1s0f1np1/carrier")).toBe("1");
  });

  test("pulls a cable at both ends, over a reboot too, and puts it back", async () => {
    const here = "ls /sys/class/net /sys/class/infiniband | grep -c f0 || true";
    const there = "ls /sys/class/net /sys/class/infiniband | grep -c f1 || true";
    expect([await quietly(lab, "spark-1", here), await quietly(lab, "spark-2", there)]).toEqual(["4", "4"]);
    await lab.unplug("1/0");
    expect([await quietly(lab, "spark-1", here), await quietly(lab, "spark-2", there)]).toEqual(["0", "0"]);
    await lab.reboot("spark-1");
    expect([await quietly(lab, "spark-1", here), await quietly(lab, "spark-2", there)]).toEqual(["0", "0"]);
    await lab.replug("2/1");
    expect([await quietly(lab, "spark-1", here), await quietly(lab, "spark-2", there)]).toEqual(["4", "4"]);
    await lab.linksReady();
    expect((await neighbours("spark-1")).enp1s0f0np0).toEqual([await macOf("spark-2", "enp1s0f1np1")]);
  });

  test("takes a cable's signal away and gives it back", async () => {
    const carrier = "cat /sys/class/net/enp1s0f0np0/carrier /sys/class/infiniband/rocep1s0f0/ports/1/state";
    await lab.unplug("2/0", { carrier: true });
    expect(await quietly(lab, "spark-2", carrier)).toBe("0\n1: DOWN");
    await lab.reboot("spark-2");
    expect(await quietly(lab, "spark-2", carrier)).toBe("0\n1: DOWN");
    await lab.replug("2/0");
    expect(await quietly(lab, "spark-2", carrier)).toBe("1\n4: ACTIVE");
  });

  test("loses power without notice and comes back with its files", async () => {
    await quietly(lab, "spark-2", "echo kept >/root/kept; sync; echo lost >/run/lost");
    await lab.kill("spark-2");
    expect(lab.isPowered("spark-2")).toBe(false);
    expect(await quietly(lab, "spark-1", "cat /sys/class/net/enp1s0f0np0/carrier")).toBe("0");
    await expect(lab.exec("spark-2", "true")).rejects.toThrow("spark-2: found it switched off");
    await lab.boot("spark-2");
    expect(await quietly(lab, "spark-2", "cat /root/kept; test ! -e /run/lost")).toBe("kept");
    expect(await quietly(lab, "spark-1", "cat /sys/class/net/enp1s0f0np0/carrier")).toBe("1");
  });

  test("refuses a host or a cable that it has not got", async () => {
    await expect(lab.exec("spark-9", "true")).rejects.toThrow("spark-9: not a host of lab test-lab; it has spark-1, ");
    await expect(lab.unplug("4/0")).rejects.toThrow("4/0: found no cable, wanted one of 1/0, 2/1, ");
  });

  test("stays as it is when it is asked for again, and refuses to become another", async () => {
    const said: string[] = [];
    const bootId = await quietly(lab, "spark-1", "cat /proc/sys/kernel/random/boot_id");
    await Lab.up({ name, stackFile: false, say: (line) => said.push(line) });
    expect(said).toEqual([`lab ${name} is already up`]);
    expect(await quietly(lab, "spark-1", "cat /proc/sys/kernel/random/boot_id")).toBe(bootId);
    await expect(Lab.up({ name, stackFile: false, wiring: "switch" })).rejects.toThrow("--fresh");
  });

  test("has no trace after `down`", async () => {
    const { network } = lab.state;
    expect((await traces(network)).length).toBeGreaterThan(5);
    await lab.down();
    expect(await traces(network)).toEqual([]);
    expect(existsSync(lab.dir)).toBe(false);
    expect(await Lab.down(name)).toBe(false);
  });

  test("comes up after an `up` that was killed at any moment", async () => {
    for (const moment of ["booting", "spark-"]) {
      await killedUp(moment);
      const again = await Lab.up({ name, stackFile: false, wiring: "switch" });
      const { network } = again.state;
      expect((await again.exec("spark-3", "hostname")).stdout).toBe("spark-3\n");
      await again.down();
      expect(await traces(network)).toEqual([]);
    }
  });
});

/** Runs `up` as a process and kills it, without notice, when it says `moment`. */
function killedUp(moment: string): Promise<void> {
  const root = join(__dirname, "..", "..");
  const script = [join(root, "lab", "lab.ts"), "up", "--name", name, "--stack-file", join(tmpdir(), `${name}.yaml`)];
  const child = spawn(process.execPath, ["--import", "tsx", ...script], {
    cwd: root,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  return new Promise((resolve, reject) => {
    child.stderr.on("data", (chunk: Buffer) => {
      said += chunk.toString();
      if (said.split("\n").some((line) => line.startsWith(moment))) {
        child.kill("SIGKILL");
      }
    });
    child.on("close", (_, signal) => (signal === "SIGKILL" ? resolve() : reject(new Error(`up ended first: ${said}`))));
  });
}
