import { afterAll, beforeAll, expect } from "vitest";
import { gatherFacts } from "../../facts/gather";
import type { Probe } from "../../facts/hostFacts";
import { Lab } from "../../lab/hosts/lab";
import { inside } from "../inside";
import { clusterOf, factsOf, type Wish } from "./ring";

const hostNames = ["spark-1", "spark-2", "spark-3"];

/** A fresh ring of one host of each kind for a file of tests, and what it says; no ssh-agent is there to log in with. */
export class RingLab {
  #lab: Lab | undefined;

  constructor(name: string) {
    const { SSH_AUTH_SOCK } = process.env;
    beforeAll(async () => {
      this.#lab = await Lab.up({
        name,
        stackFile: false,
        fresh: true,
        hosts: [
          { name: "spark-1", renderer: "networkd", hotplug: "" },
          { name: "spark-2", renderer: "NetworkManager" },
          { name: "spark-3", renderer: "networkd", sudoPassword: 'it\'s "three" \\n 5 $HOME' },
        ],
      });
      Reflect.deleteProperty(process.env, "SSH_AUTH_SOCK");
    });
    afterAll(async () => {
      if (SSH_AUTH_SOCK !== undefined) process.env.SSH_AUTH_SOCK = SSH_AUTH_SOCK;
      await Lab.down(name);
    });
  }

  get lab(): Lab {
    if (!this.#lab) throw new Error("the lab is not up yet");
    return this.#lab;
  }

  gather(wish?: Wish) {
    return gatherFacts(clusterOf(this.lab, wish));
  }

  /** The message of the faults that gathering ends with. */
  faults(wish?: Wish): Promise<string> {
    return this.gather(wish).then(
      () => "no fault",
      (error: Error) => error.message,
    );
  }

  /** How many lines of a host's journal hold the text. */
  async journal(host: string, text: string): Promise<number> {
    const count = 'text=$(cat); journalctl --sync; journalctl -o cat | grep -c -- "$text" || true';
    return Number(await inside(this.lab, host, count, { stdin: text }));
  }

  /** How often each host was logged in to. */
  logins(): Promise<number[]> {
    return Promise.all(hostNames.map((name) => this.journal(name, "Accepted publickey")));
  }

  /** `host/netdev` -> the `host/netdev` that the facts' neighbours say it is wired to. */
  async wiring(probes: ReadonlyMap<string, Probe>, hosts: readonly string[] = hostNames) {
    const all = await this.#macs();
    const owner = new Map([...all].map(([netdev, mac]) => [mac, netdev]));
    const wires = hosts.flatMap((name) =>
      factsOf(probes, name).cx7.map((netdev) => {
        expect(netdev.mac).toBe(all.get(`${name}/${netdev.name}`));
        return [`${name}/${netdev.name}`, netdev.neighbours.map(({ mac }) => owner.get(mac)).join(" ")];
      }),
    );
    return Object.fromEntries(wires) as Record<string, string>;
  }

  /** MAC of every CX7 netdev, as the host itself says. */
  async #macs(): Promise<Map<string, string>> {
    const found = new Map<string, string>();
    for (const host of hostNames) {
      const lines = (await inside(this.lab, host, "cd /sys/class/net && grep . en*np*/address")).split("\n");
      for (const line of lines) {
        const [netdev = "", mac = ""] = line.split("/address:");
        found.set(`${host}/${netdev}`, mac);
      }
    }
    return found;
  }
}

/** What `wiring` gives for cables from port to port, each `1/0-2/1`. */
export function wiringOf(cables: string): Record<string, string> {
  const wires = cables.split(" ").flatMap((cable) =>
    ["enp1", "enP2p1"].flatMap((twin) => {
      const ends = cable.split("-").map((end) => {
        const [host, port] = end.split("/");
        return `spark-${host}/${twin}s0f${port}np${port}`;
      });
      return [ends, ends.toReversed()];
    }),
  );
  return Object.fromEntries(wires);
}

/** The cables of the article's ring. */
export const articleRing = "1/0-2/1 2/0-3/1 3/0-1/1";
