/** How a lab comes to be and ceases to be. */

import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { addressOf, bridgesOf, type Cable, endName, namesOf, parseWiring } from "../layout";
import { hostNumber, setCable } from "./cables";
import { writeClientFiles } from "./client-files";
import { makeHostFolder, makeKey } from "./host-folder";
import { isPowered } from "./inside";
import { powerOff, powerOn, waitBooted } from "./power";
import { must, run } from "./process";
import { removeStackFile } from "./stack-config";
import {
  claimNetwork,
  type LabRecord,
  type LabSpec,
  networksOf,
  pathsOf,
  readRecord,
  releaseNetworks,
  writeRecord,
} from "./state";

const panelScript = join(__dirname, "panel.sh");

interface MakeOptions {
  /** Folder of the root file system. */
  readonly rootfs: string;
  /** Where the stack config goes besides the lab's own folder. */
  readonly stackFile: string | undefined;
  /** Remake a lab that is already up. */
  readonly fresh: boolean;
  readonly say: (line: string) => void;
}

/** Makes a lab, or leaves it as it is when it is already what `spec` asks for. */
export async function makeLab(spec: LabSpec, options: MakeOptions): Promise<void> {
  const present = readRecord(spec.name);
  if (present !== undefined && !options.fresh && (await isWhole(present))) {
    await keepLab(present, spec, options);
    return;
  }
  if (await removeLab(spec.name)) {
    options.say(`removed what was left of lab ${spec.name}`);
  }
  await buildLab(spec, options);
}

/** Removes everything of a lab. False if there was nothing. */
export async function removeLab(name: string): Promise<boolean> {
  const record = readRecord(name);
  const networks = networksOf(name);
  const { dir } = pathsOf(name);
  if (record !== undefined) {
    await Promise.all(record.spec.hosts.map((host) => powerOff(record, host.name)));
    if (record.stackFile !== undefined && record.stackText !== undefined) {
      removeStackFile(record.stackFile, record.stackText);
    }
  }
  for (const network of networks) {
    const { panel, management } = namesOf(network);
    await must([panelScript, "down", panel, management]);
  }
  const was = existsSync(dir) || networks.length > 0;
  rmSync(dir, { recursive: true, force: true });
  releaseNetworks(name);
  return was;
}

/** Pulls the cables that `wiring` doesn't have, and then plugs in those that only it has. */
export async function rewireLab(record: LabRecord, wiring: string): Promise<void> {
  const nameOf = ({ from, to }: Cable) => `${endName(from)}-${endName(to)}`;
  const cables = parseWiring(wiring, record.spec.hosts.length);
  const [before, after] = [record.cables, cables].map((all) => new Set(all.map(nameOf)));
  const gone = record.cables.filter((cable) => !after?.has(nameOf(cable)));
  const made = cables.filter((cable) => !before?.has(nameOf(cable)));
  let now = record;
  for (const { from } of gone) {
    now = await setCable(now, endName(from), "unplugged");
  }
  const kept = Object.entries(now.cableStates).filter(([from]) => !gone.some((cable) => endName(cable.from) === from));
  const unplugged = made.map(({ from }) => [endName(from), "unplugged"] as const);
  const cableStates = Object.fromEntries([...kept, ...unplugged]);
  now = { ...now, spec: { ...now.spec, wiring }, cables, cableStates };
  const { panel, management } = namesOf(record.network);
  const bridges = bridgesOf(made).map((bridge) => `${bridge}\n`);
  await must([panelScript, "more", panel, management], { stdin: bridges.join("") });
  writeRecord(now);
  for (const { from } of made) {
    now = await setCable(now, endName(from), "plugged");
  }
}

async function keepLab(present: LabRecord, spec: LabSpec, { rootfs, say }: MakeOptions): Promise<void> {
  if (JSON.stringify(present.spec) !== JSON.stringify(spec)) {
    throw new Error(
      `${spec.name}: found this lab up with other hosts or wiring; remake it with --fresh, or choose another --name`,
    );
  }
  if (present.rootfs !== rootfs) {
    say(`lab ${spec.name} was made from an older root file system; --fresh remakes it`);
  }
  if (spec.hosts.every(({ name }) => isPowered(spec.name, name))) {
    say(`lab ${spec.name} is already up`);
    return;
  }
  await bootAll(present, say);
}

/** Whether a lab was finished once, and its networks outlived whatever came since. */
async function isWhole(record: LabRecord): Promise<boolean> {
  const { panel, management } = namesOf(record.network);
  const [inPanel, beside] = await Promise.all([
    run(["ip", "netns", "exec", panel, "true"]),
    run(["ip", "link", "show", "dev", management]),
  ]);
  return record.ready && inPanel.code === 0 && beside.code === 0;
}

async function buildLab(spec: LabSpec, { rootfs, stackFile, say }: MakeOptions): Promise<void> {
  const network = await claimNetwork(spec.name);
  const paths = pathsOf(spec.name);
  const cables = parseWiring(spec.wiring, spec.hosts.length);
  const record: LabRecord = { spec, network, rootfs, cables, cableStates: {}, ready: false };
  mkdirSync(paths.dir, { recursive: true });
  writeRecord(record);

  await makeKey(paths.clientKey, `spark-mesh-lab-${spec.name}`);
  await Promise.all(spec.hosts.map((host) => makeHostFolder(record, host.name)));
  const { panel, management, cidr } = namesOf(network);
  const bridges = bridgesOf(cables).map((bridge) => `${bridge}\n`);
  await must([panelScript, "up", panel, management, cidr], { stdin: bridges.join("") });
  await bootAll(record, say);
  writeRecord({ ...record, ...writeClientFiles(record, stackFile), ready: true });
}

async function bootAll(record: LabRecord, say: (line: string) => void): Promise<void> {
  const { name, hosts } = record.spec;
  const off = hosts.filter((host) => !isPowered(name, host.name));
  const began = Date.now();
  say(`booting ${off.map((host) => host.name).join(", ")}`);
  for (const host of off) {
    powerOn(record, host.name);
  }
  await Promise.all(
    off.map(async (host) => {
      await waitBooted(record, host.name);
      const address = addressOf(record.network, hostNumber(record, host.name));
      say(`${host.name}: up at ${address} after ${((Date.now() - began) / 1000).toFixed(1)} s`);
    }),
  );
}
