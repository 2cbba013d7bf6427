/** `npm run lab -- VERB`: virtual Sparks on this machine. */

import { spawn } from "node:child_process";
import { type Arguments, type Flag, parseArguments, UsageError, usage, type Verb } from "./arguments";
import { standInReference } from "./hosts/image";
import { defaultHosts, Lab } from "./hosts/lab";
import { cableState, pathsOf } from "./hosts/state";
import { endName } from "./layout";

const program = "npm run lab --";
const name: Record<string, Flag> = { "--name": { value: "LAB", about: "which lab (default: default)" } };

const verbs = {
  up: {
    operands: [],
    about: "make a lab and boot its hosts",
    flags: {
      "--hosts": { value: "N", about: "how many virtual Sparks (default: 3, or 2 for a pair)" },
      "--wiring": { value: "WIRING", about: 'ring, pair, switch, or "1/0-2/1 2/0-switch-a" (default: ring)' },
      "--renderer": {
        value: "RENDERER",
        about: "networkd or NetworkManager for every netdev, management included (default: hosts of each kind)",
      },
      "--docker": { about: "Docker Engine on every host, and on the first the image of the stand-in for vLLM" },
      "--stack-file": { value: "PATH", about: "where the stack config goes (default: Pulumi.lab.yaml)" },
      "--fresh": { about: "remake a lab that is already up" },
      ...name,
    },
  },
  down: { operands: [], about: "remove a lab and everything it made", flags: name },
  status: {
    operands: [],
    about: "show hosts and cables",
    flags: { "--json": { about: "as JSON, with the paths of keys and files" }, ...name },
  },
  ssh: { operands: ["HOST"], about: "log in as nvidia, or run a command", flags: name, command: "optional" },
  exec: { operands: ["HOST"], about: "run a command as root, past network and sshd", flags: name, command: "required" },
  reboot: { operands: ["HOST"], about: "reboot a host in good order", flags: name },
  kill: { operands: ["HOST"], about: "take a host's power away", flags: name },
  boot: { operands: ["HOST"], about: "switch a host on", flags: name },
  unplug: {
    operands: ["PORT"],
    about: "pull the cable at a port such as 1/0",
    flags: { "--carrier": { about: "leave it in place without carrier" }, ...name },
  },
  replug: { operands: ["PORT"], about: "put the cable back", flags: name },
} satisfies Record<string, Verb>;

async function main(words: readonly string[]): Promise<number> {
  const args = parseArguments(verbs, words);
  const lab = args.values["--name"] ?? "default";
  const operand = args.operands[0] ?? "";
  switch (args.verb) {
    case "help":
      console.log(usage(program, verbs, operand === "" ? undefined : operand));
      return 0;
    case "up":
      return up(lab, args);
    case "down":
      console.log((await Lab.down(lab)) ? `lab ${lab} is gone` : `there is no lab ${lab}`);
      return 0;
    case "status":
      return status(lab, args.switches.has("--json"));
    case "ssh":
      return inherit(Lab.open(lab).sshCommand(operand, args.command));
    case "exec":
      return inherit(Lab.open(lab).execCommand(operand, args.command.join(" ")));
    default:
      await change(Lab.open(lab), args.verb, operand, args.switches.has("--carrier"));
      return 0;
  }
}

async function change(lab: Lab, verb: string, operand: string, carrier: boolean): Promise<void> {
  switch (verb) {
    case "reboot":
      return lab.reboot(operand);
    case "kill":
      return lab.kill(operand);
    case "boot":
      return lab.boot(operand);
    case "unplug":
      return lab.unplug(operand, { carrier });
    case "replug":
      return lab.replug(operand);
  }
}

async function up(labName: string, { values, switches }: Arguments): Promise<number> {
  const wiring = values["--wiring"];
  const count = Number(values["--hosts"] ?? (wiring === "pair" ? "2" : "3"));
  if (!Number.isInteger(count) || count < 1 || count > 99) {
    throw new UsageError(`--hosts: found ${values["--hosts"]}, wanted a number from 1 to 99`);
  }
  const renderer = values["--renderer"];
  if (renderer !== undefined && renderer !== "networkd" && renderer !== "NetworkManager") {
    throw new UsageError(`--renderer: found ${renderer}, wanted networkd or NetworkManager`);
  }
  const stackFile = values["--stack-file"];
  const lab = await Lab.up({
    name: labName,
    hosts: defaultHosts(count),
    docker: switches.has("--docker"),
    fresh: switches.has("--fresh"),
    say: (line) => console.error(line),
    ...(renderer === undefined ? {} : { renderer }),
    ...(wiring === undefined ? {} : { wiring }),
    ...(stackFile === undefined ? {} : { stackFile }),
  });
  const [head] = lab.hosts;
  if (switches.has("--docker") && head !== undefined) {
    await lab.loadImage([head.name], {}, (line) => console.error(line));
    console.log(`image:        ${standInReference} on ${head.name}, a stand-in for vLLM`);
  }
  const option = labName === "default" ? "" : ` --name ${labName}`;
  console.log(`stack config: ${lab.state.stackFile ?? "none"}`);
  console.log(`log in:       ${program} ssh spark-1${option}   or   ssh -F ${lab.sshConfig} spark-1`);
  return 0;
}

function status(labName: string, json: boolean): number {
  const lab = Lab.open(labName);
  const hosts = lab.hosts.map(({ sudoPassword, ...host }) => ({
    ...host,
    asksSudoPassword: sudoPassword !== undefined,
    powered: lab.isPowered(host.name),
  }));
  const cables = lab.state.cables.map((cable) => ({
    from: endName(cable.from),
    to: endName(cable.to),
    state: cableState(lab.state, cable),
  }));
  if (json) {
    const { dir, sshConfig, sudoPassword } = pathsOf(labName);
    const { stackFile } = lab.state;
    console.log(JSON.stringify({ name: labName, dir, sshConfig, sudoPassword, stackFile, hosts, cables }, null, 2));
    return 0;
  }
  for (const host of hosts) {
    const sudo = host.asksSudoPassword ? "sudo asks" : "sudo free";
    console.log(`${host.name}  ${host.powered ? "on " : "off"}  ${host.address}  ${host.renderer}, ${sudo}`);
  }
  for (const cable of cables) {
    console.log(`${cable.from} - ${cable.to}  ${cable.state}`);
  }
  return 0;
}

function inherit([file, ...args]: readonly [string, ...string[]]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: "inherit" });
    child.on("error", reject);
    child.on("close", (code) => resolve(code ?? 1));
  });
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: Error) => {
    console.error(error.message);
    if (error instanceof UsageError) {
      console.error(`${program} --help shows what there is`);
    }
    process.exitCode = error instanceof UsageError ? 2 : 1;
  },
);
