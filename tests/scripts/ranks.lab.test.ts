import { afterAll, beforeAll, expect, test } from "vitest";
import { Lab } from "../../lab/hosts/lab";
import { until } from "../../lab/hosts/process";
import { inside } from "../inside";
import {
  answer,
  completion,
  deployAll,
  deployment,
  killRank,
  lives,
  must,
  operate,
  prepareHosts,
  readyDocument,
  statusOf,
} from "./deployments";

let lab: Lab;

beforeAll(async () => {
  lab = await Lab.up({ name: "test-ranks", stackFile: false, fresh: true, docker: true });
  await prepareHosts(lab);
  await deployAll(lab);
  await served();
});

afterAll(() => lab?.down());

/** Waits until a completion is answered, by all ranks. */
function served(): Promise<void> {
  return until(async () => (await completion(lab)) === answer, 120, "a completion by all ranks");
}

/** Waits until nobody starts anew any more, not even after the watch's own calm; all are in the head's meeting then. */
async function calm(): Promise<void> {
  let before = await lives(lab);
  const isCalm = async () => {
    await new Promise((resolve) => setTimeout(resolve, 12_000));
    const former = before;
    before = await lives(lab);
    const liveOn = before.every((life, rank) => life === former[rank] && life.includes(" running "));
    return liveOn && (await completion(lab)) === answer;
  };
  await until(isCalm, 120, "all ranks to live on");
  const words = await Promise.all(lab.hosts.map(async (_, rank) => (await statusOf(lab, rank)).split(/\s/)));
  expect(words.map(([, rank, status]) => `${rank} ${status}`)).toEqual(["0 running", "1 running", "2 running"]);
  const [meeting] = words.map(([, , , , own]) => own);
  expect(meeting).toMatch(/^[0-9a-f]{16}$/);
  expect(words.map(([, , , , own]) => own)).toEqual([meeting, meeting, meeting]);
}

const restarts = (host: string) =>
  inside(lab, host, "journalctl --quiet --output=cat --unit spark-mesh-ranks.service | grep ' starts anew: ' || true");

test("a worker that died: requests fail at once instead of hanging, and all ranks meet again", async () => {
  const before = await lives(lab);
  await killRank(lab, 1);
  await until(async () => (await completion(lab)) === "none", 60, "requests to fail");
  await served();
  const after = await lives(lab);
  expect(after.filter((life) => before.includes(life))).toEqual([]);
  expect(await restarts("spark-1")).toMatch(/spark-1: tiny: rank 0 starts anew: rank 1 on spark-2 died: [a-z ]+$/);
  expect(await restarts("spark-3")).toMatch(/spark-3: tiny: rank 2 starts anew: rank 0 waits for it$/);
  await calm();
});

test("the head that died", async () => {
  await killRank(lab, 0);
  await served();
  await calm();
});

test("all ranks at once", async () => {
  await Promise.all([0, 1, 2].map((rank) => killRank(lab, rank)));
  await served();
  await calm();
});

test("a worker's host that lost its power, for longer than the head waits", async () => {
  await lab.kill("spark-3");
  await until(
    async () => (await restarts("spark-1")).includes("rank 2 on spark-3 was not"),
    120,
    "the head to give up",
  );
  await lab.boot("spark-3");
  await served();
  expect(await restarts("spark-1")).toMatch(/rank 2 on spark-3 was not to be seen for 30 s: silent/);
  await calm();
});

test("the hosts of a worker and of the head that are rebooted, one after the other and both at once", async () => {
  await lab.reboot("spark-2");
  await served();
  await calm();
  await lab.reboot("spark-1");
  await served();
  await calm();
  await Promise.all([lab.reboot("spark-1"), lab.reboot("spark-2")]);
  await served();
  await calm();
});

test("Docker that is restarted on a host, and the watch that is restarted with nothing to do", async () => {
  await inside(lab, "spark-2", "systemctl restart docker");
  await served();
  await calm();
  const before = await lives(lab);
  await Promise.all(lab.hosts.map(({ name }) => inside(lab, name, "systemctl restart spark-mesh-ranks.service")));
  await calm();
  expect(await lives(lab)).toEqual(before);
});

test("the watch that ends while its head waits for workers", async () => {
  // What a boot leaves of it: the head is stopped, and its watch knows nothing but that it is to be started.
  await inside(
    lab,
    "spark-1",
    `systemctl stop spark-mesh-ranks.service; echo 0123456789abcdef >/var/lib/spark-mesh-deployments/${deployment}/called; docker stop --time 1 spark-mesh-${deployment}-0; rm -r /run/spark-mesh-ranks`,
  );
  expect(await statusOf(lab, 0)).toMatch(/^tiny 0 meeting /);
  await inside(lab, "spark-1", "systemctl start spark-mesh-ranks.service");
  await served();
  await calm();
});

test("a rank that is stopped by hand is left alone, and ready says so; started by hand, it meets the others", async () => {
  await inside(lab, "spark-2", `docker stop --time 1 spark-mesh-${deployment}-1`);
  const { code, message, seconds } = await operate(lab, 0, "ready", readyDocument(lab));
  expect(code).not.toBe(0);
  expect(message).toMatch(
    /^spark-1: tiny: rank 1 on spark-2: found exited, wanted it running; .*run the command again$/,
  );
  expect(seconds).toBeLessThan(20);
  await new Promise((resolve) => setTimeout(resolve, 10_000));
  expect(await statusOf(lab, 1)).toMatch(/^tiny 1 exited /);
  await inside(lab, "spark-2", `docker start spark-mesh-${deployment}-1`);
  await served();
  await calm();
  await must(lab, 0, "ready", readyDocument(lab));
});
