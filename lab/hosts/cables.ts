/** A lab's cables, as its hosts see them: netdevs that come and go, and the RoCE devices beside them. */

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  type Cable,
  cableAt,
  endName,
  managementOf,
  type Netdev,
  netdevLines,
  type PortEnd,
  parsePort,
  roceDevicesOf,
  twinsOf,
} from "../layout";
import { initOf } from "./inside";
import { must } from "./process";
import { type CableState, cableState, type LabRecord, pathsOf, writeRecord } from "./state";

type CableVerb = "attach" | "detach" | "dark" | "light";

/** The number of a host, from 1. */
export function hostNumber(record: LabRecord, host: string): number {
  const index = record.spec.hosts.findIndex(({ name }) => name === host);
  if (index === -1) {
    const known = record.spec.hosts.map(({ name }) => name).join(", ");
    throw new Error(`${host}: not a host of lab ${record.spec.name}; it has ${known}`);
  }
  return index + 1;
}

/** The netdevs that a host has with its cables as they are now. */
export function netdevsOfHost(record: LabRecord, host: string): Netdev[] {
  const number = hostNumber(record, host);
  const ports = endsOf(record, number).flatMap(({ cable, end }) => {
    const state = cableState(record, cable);
    return state === "unplugged" ? [] : twinsOf(record.network, cable, end, state === "plugged");
  });
  return [managementOf(record.network, number), ...ports];
}

/** Writes down what a host finds at its next start, and shows the RoCE devices at once. */
export function writeHostPorts(record: LabRecord, host: string): void {
  const dir = pathsOf(record.spec.name).host(host);
  writeFileSync(join(dir, "netdevs"), netdevLines(netdevsOfHost(record, host)));
  for (const { cable, end } of endsOf(record, hostNumber(record, host))) {
    writeRoceDevices(join(dir, "infiniband"), end, cableState(record, cable));
  }
}

/** Runs cables.sh over netdevs; `host` is the one whose namespace they appear in. */
export async function workCables(verb: CableVerb, netdevs: readonly Netdev[], netns?: string): Promise<void> {
  const args = netns === undefined ? [verb] : [verb, netns];
  await must([join(__dirname, "cables.sh"), ...args], { stdin: netdevLines(netdevs) });
}

/**
 * Brings the cable at `port` into another state, at both its ends, whether their hosts run or not.
 *
 * @returns the lab with the cable in that state
 */
export async function setCable(record: LabRecord, port: string, state: CableState): Promise<LabRecord> {
  const cable = cableAt(record.cables, parsePort(port));
  if (cable === undefined) {
    const ends = record.cables.flatMap(({ from, to }) => [from, to]).filter((end) => end.kind === "port");
    throw new Error(`${port}: found no cable, wanted one of ${ends.map(endName).join(", ")}`);
  }
  const before = cableState(record, cable);
  if (before === state) {
    return record;
  }
  const next = { ...record, cableStates: { ...record.cableStates, [endName(cable.from)]: state } };
  writeRecord(next);
  for (const end of portEnds(cable)) {
    writeHostPorts(next, hostNameOf(next, end));
  }
  for (const end of portEnds(cable)) {
    await showChange(next, cable, end, before, state);
  }
  return next;
}

async function showChange(
  record: LabRecord,
  cable: Cable,
  end: PortEnd,
  before: CableState,
  now: CableState,
): Promise<void> {
  const init = initOf(record.spec.name, hostNameOf(record, end));
  if (init === undefined) {
    return;
  }
  const twins = twinsOf(record.network, cable, end, now === "plugged");
  if (now === "unplugged") {
    await workCables("detach", twins);
  } else if (before === "unplugged") {
    await workCables("attach", twins, `/proc/${init}/ns/net`);
  } else {
    await workCables(now === "dark" ? "dark" : "light", twins);
  }
}

function endsOf(record: LabRecord, host: number): { cable: Cable; end: PortEnd }[] {
  return record.cables.flatMap((cable) =>
    portEnds(cable)
      .filter((end) => end.host === host)
      .map((end) => ({ cable, end })),
  );
}

function portEnds(cable: Cable): PortEnd[] {
  return cable.to.kind === "port" ? [cable.from, cable.to] : [cable.from];
}

function hostNameOf(record: LabRecord, end: PortEnd): string {
  const host = record.spec.hosts[end.host - 1];
  if (host === undefined) {
    throw new Error(`host ${end.host}: not in lab ${record.spec.name}`);
  }
  return host.name;
}

// The veths have no RDMA: this class of sysfs is made up, in the shape of the mlx5 driver's.
function writeRoceDevices(infiniband: string, end: PortEnd, state: CableState): void {
  for (const { device, netdev } of roceDevicesOf(end.port)) {
    const dir = join(infiniband, device);
    if (state === "unplugged") {
      rmSync(dir, { recursive: true, force: true });
      continue;
    }
    mkdirSync(join(dir, "device", "net", netdev), { recursive: true });
    mkdirSync(join(dir, "ports", "1"), { recursive: true });
    const attributes = {
      fw_ver: "28.45.4028",
      "ports/1/state": state === "plugged" ? "4: ACTIVE" : "1: DOWN",
      "ports/1/phys_state": state === "plugged" ? "5: LinkUp" : "3: Disabled",
      "ports/1/link_layer": "Ethernet",
      "ports/1/rate": "200 Gb/sec (2X NDR)",
    };
    for (const [path, value] of Object.entries(attributes)) {
      writeFileSync(join(dir, path), `${value}\n`);
    }
  }
}
