/** Power on, power off, and waiting for a virtual Spark to be up. */

import { existsSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { addressOf } from "../layout";
import { hostNumber, netdevsOfHost, workCables } from "./cables";
import { cgroupOf, endCgroup } from "./cgroup";
import { initOf, isPowered } from "./inside";
import { killProcess, start, until } from "./process";
import { type LabRecord, pathsOf, readPower, writePower } from "./state";

/** For eight hosts at once on a busy machine. */
const bootSeconds = 300;

/** Switches a host on; `waitBooted` says when it is up. */
export function powerOn(record: LabRecord, host: string): void {
  const { name } = record.spec;
  if (isPowered(name, host)) {
    return;
  }
  const paths = pathsOf(name);
  const power = start(
    [
      "unshare",
      ...["--mount", "--propagation=private", "--pid", "--fork", "--kill-child", "--mount-proc"],
      join(__dirname, "power.sh"),
      record.rootfs,
      paths.host(host),
      cgroupOf(record.network, host),
    ],
    paths.console(host),
  );
  writePower(name, host, power);
}

/** Takes a host's power away: nothing in it has a chance to finish anything. */
export async function powerOff(record: LabRecord, host: string): Promise<void> {
  const power = readPower(record.spec.name, host);
  if (power !== undefined) {
    await killProcess(power);
  }
  const cgroup = cgroupOf(record.network, host);
  await until(() => endCgroup(cgroup), 60, `${host}: its processes to end`);
  await workCables("detach", netdevsOfHost(record, host));
}

/** Waits until a host that was switched on, or reboots from the init `not`, lets its user log in. */
export async function waitBooted(record: LabRecord, host: string, not?: number): Promise<void> {
  const { name } = record.spec;
  const address = addressOf(record.network, hostNumber(record, host));
  const booted = async () => {
    if (!isPowered(name, host)) {
      throw new Error(`${host}: went off while booting; its console ends:\n${consoleTail(name, host)}`);
    }
    const init = initOf(name, host);
    return (
      init !== undefined &&
      init !== not &&
      existsSync(`/proc/${init}/root/run/systemd/units`) &&
      !existsSync(`/proc/${init}/root/run/nologin`) &&
      (await answersSsh(address))
    );
  };
  await until(booted, bootSeconds, `${host} to boot`).catch((error: Error) => {
    throw error.message.startsWith("waited")
      ? new Error(`${host}: sshd did not answer within ${bootSeconds} s; its console ends:\n${consoleTail(name, host)}`)
      : error;
  });
}

/** The end of what a host printed on its console, without its colours. */
function consoleTail(lab: string, host: string): string {
  const path = pathsOf(lab).console(host);
  const text = existsSync(path) ? readFileSync(path, "utf8") : "";
  const plain = stripVTControlCharacters(text).replaceAll("\r", "");
  return plain.trimEnd().split("\n").slice(-15).join("\n");
}

function answersSsh(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port: 22, timeout: 1000 });
    const finish = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.on("data", (banner) => finish(banner.toString().startsWith("SSH-2.0")));
    socket.on("error", () => finish(false));
    socket.on("timeout", () => finish(false));
    socket.on("close", () => finish(false));
  });
}
