/** Labs of virtual Sparks, for tests, for the demo and for the command line. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { addressOf, type HostSpec, parseWiring } from "../layout";
import { hostNumber, setCable } from "./cables";
import type { StandInImage } from "./image";
import { initOf, insideArguments, isPowered } from "./inside";
import { makeLab, removeLab, rewireLab } from "./life";
import { loadImage } from "./load-image";
import { checkMachine, raiseInotifyLimit } from "./machine";
import { powerOff, powerOn, waitBooted } from "./power";
import { type Outcome, type RunOptions, run, until } from "./process";
import { ensureRootfs } from "./rootfs";
import { defaultStackFile } from "./stack-config";
import { hostPublicKey, type LabRecord, type LabSpec, pathsOf, readRecord, type Share, withLock } from "./state";

/** A host of a running lab, with all that a client needs. */
export interface LabHost extends HostSpec {
  /** From 1. */
  readonly number: number;
  readonly address: string;
  /** `ssh-ed25519 AAAA...` */
  readonly hostKey: string;
  readonly user: "nvidia";
  readonly identityFile: string;
}

export interface LabOptions {
  /** @default "default" */
  readonly name?: string;
  /** @default three hosts: networkd, NetworkManager, and networkd with a sudo password */
  readonly hosts?: readonly HostSpec[];
  /** Who has every netdev of every host, management included. @default what each host says */
  readonly renderer?: HostSpec["renderer"];
  /** `ring`, `pair`, `switch`, or cables such as `1/0-2/1 2/0-switch-a`. @default "ring" */
  readonly wiring?: string;
  /** Docker Engine on every host. @default false */
  readonly docker?: boolean;
  /** What every host sees of the control machine, read-only: a big tree that three copies of would fill memory. @default nothing */
  readonly shares?: readonly Share[];
  /** Where the stack config goes besides the lab's own folder; `false` for nowhere. */
  readonly stackFile?: string | false;
  /** Remakes a lab that is already up. @default false */
  readonly fresh?: boolean;
  /** Told what happens. @default nobody */
  readonly say?: (line: string) => void;
}

const linksScript = readFileSync(join(__dirname, "links.sh"), "utf8");
const linkSeconds = 60;

/** The sudo password of the hosts that ask for one in a default lab. */
const defaultSudoPassword = "spark-3 needs a password";

/** The hosts of a lab that says nothing about them: one of each kind, over and over. */
export function defaultHosts(count: number): HostSpec[] {
  return Array.from({ length: count }, (_, index) => {
    const name = `spark-${index + 1}`;
    switch (index % 3) {
      case 1:
        return { name, renderer: "NetworkManager" };
      case 2:
        return { name, renderer: "networkd", sudoPassword: defaultSudoPassword };
      default:
        return { name, renderer: "networkd" };
    }
  });
}

/** The host with no renderer but this one. */
function renderedAlone({ networkManagerAlone: _, ...host }: HostSpec, renderer: HostSpec["renderer"]): HostSpec {
  return { ...host, renderer, ...(renderer === "NetworkManager" && { networkManagerAlone: true }) };
}

export class Lab {
  private constructor(readonly name: string) {}

  /** Brings a lab up, whatever an interrupted run left of it; one that is already up stays as it is. */
  static async up(options: LabOptions = {}): Promise<Lab> {
    const {
      name = "default",
      renderer,
      hosts = defaultHosts(3),
      wiring = "ring",
      docker = false,
      shares = [],
      say = () => {},
    } = options;
    if (!/^[a-z][a-z0-9-]{0,30}$/.test(name)) {
      throw new Error(`name: found ${JSON.stringify(name)}, wanted lower-case letters, digits and hyphens`);
    }
    parseWiring(wiring, hosts.length);
    checkMachine();
    raiseInotifyLimit(say);
    const rootfs = await ensureRootfs(docker, say);
    const stackFile = options.stackFile === false ? undefined : (options.stackFile ?? defaultStackFile(name));
    const spec: LabSpec = {
      name,
      hosts: renderer === undefined ? hosts : hosts.map((host) => renderedAlone(host, renderer)),
      wiring,
      docker,
      shares,
    };
    await withLock(name, () => makeLab(spec, { rootfs, stackFile, fresh: options.fresh ?? false, say }));
    return new Lab(name);
  }

  /** A lab that is already up. */
  static open(name = "default"): Lab {
    const lab = new Lab(name);
    if (!lab.state.ready) {
      throw new Error(`${name}: found a lab that never came up; \`npm run lab -- up\` remakes it`);
    }
    return lab;
  }

  /** Removes everything of a lab, or of what an interrupted run left of it. False if there was nothing. */
  static down(name: string): Promise<boolean> {
    checkMachine();
    return withLock(name, () => removeLab(name));
  }

  /** The lab's folder: keys, ssh_config, stack config, sudo password. */
  get dir(): string {
    return pathsOf(this.name).dir;
  }

  get sshConfig(): string {
    return pathsOf(this.name).sshConfig;
  }

  get hosts(): LabHost[] {
    const paths = pathsOf(this.name);
    const { spec, network } = this.state;
    return spec.hosts.map((host, index) => ({
      ...host,
      number: index + 1,
      address: addressOf(network, index + 1),
      hostKey: hostPublicKey(this.name, host.name),
      user: "nvidia",
      identityFile: paths.clientKey,
    }));
  }

  /** What the lab is now, cables included. */
  get state(): LabRecord {
    const record = readRecord(this.name);
    if (record === undefined) {
      throw new Error(`${this.name}: no such lab on this machine; \`npm run lab -- up\` makes one`);
    }
    return record;
  }

  /** The command that logs in to a host as its user, and runs `command` there if it has words. */
  sshCommand(host: string, command: readonly string[] = []): readonly [string, ...string[]] {
    hostNumber(this.state, host);
    return ["ssh", "-F", this.sshConfig, host, ...command];
  }

  isPowered(host: string): boolean {
    hostNumber(this.state, host);
    return isPowered(this.name, host);
  }

  /**
   * Runs a shell command as root inside a host, past its network and sshd. It has a session of its own: a signal to its
   * process group, which `kill 0` sends, stays inside.
   */
  async exec(host: string, command: string, options: RunOptions = {}): Promise<Outcome> {
    return run(this.insideCommand(host, ["setsid", "--wait", "bash", "-c", command]), options);
  }

  /** The command that runs a shell command as root inside a host, for callers with a terminal of their own. */
  execCommand(host: string, command: string): readonly [string, ...string[]] {
    return this.insideCommand(host, ["bash", "-c", command]);
  }

  private insideCommand(host: string, words: readonly string[]): readonly [string, ...string[]] {
    hostNumber(this.state, host);
    return ["nsenter", ...insideArguments(this.name, host), ...words];
  }

  /** Reboots a host in good order, and waits until it is up again. */
  async reboot(host: string): Promise<void> {
    const init = initOf(this.name, host);
    await this.exec(host, "systemctl reboot");
    await waitBooted(this.state, host, init);
  }

  /** Takes a host's power away. */
  async kill(host: string): Promise<void> {
    hostNumber(this.state, host);
    await powerOff(this.state, host);
  }

  /** Switches a host on again, and waits until it is up. */
  async boot(host: string): Promise<void> {
    hostNumber(this.state, host);
    powerOn(this.state, host);
    await waitBooted(this.state, host);
  }

  /** Pulls the cable at a port such as `1/0`; with `carrier` it stays in place and carries nothing. */
  async unplug(port: string, options: { carrier?: boolean } = {}): Promise<void> {
    await setCable(this.state, port, options.carrier === true ? "dark" : "unplugged");
  }

  /** Puts the cable at a port back in working order. */
  async replug(port: string): Promise<void> {
    await setCable(this.state, port, "plugged");
  }

  /** Waits until every link that has carrier can be heard on: the kernel first makes sure of a new address. */
  async linksReady(): Promise<void> {
    for (const { name } of this.hosts) {
      await until(async () => (await this.exec(name, linksScript)).code === 0, linkSeconds, `${name}: its links`);
    }
  }

  /** Cables the lab as another wiring says; a cable that it has already stays as it is. */
  async rewire(wiring: string): Promise<void> {
    await rewireLab(this.state, wiring);
  }

  /**
   * Loads the image of the stand-in for vLLM into Docker on these hosts, all at once, where it isn't there yet.
   *
   * @returns its id, `sha256:...`, the same on every host.
   */
  loadImage(
    hosts: readonly string[] = this.hosts.map(({ name }) => name),
    image: StandInImage = {},
    say: (line: string) => void = () => {},
  ): Promise<string> {
    return loadImage(this, hosts, image, say);
  }

  /** Removes the lab. */
  async down(): Promise<void> {
    await Lab.down(this.name);
  }
}
