import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { standInReference } from "../../lab/hosts/image";
import type { Lab } from "../../lab/hosts/lab";
import { inside } from "../inside";
import { fetchTo, killUser, slowLinks, startFetch, upTrusted, whenOn } from "./fetch";

/** What the sessions of an operation cost that sends no model. */
const NOTHING = 100_000;
const SHARD = 12 << 20;
const hub = "/home/nvidia/.cache/huggingface/hub";
const slow = "lab/slow:1";
const broken = "lab/broken:1";

let lab: Lab;

beforeAll(async () => {
  lab = await upTrusted("test-model");
  const env = { SPARK_MESH_LAB_SHARD_BYTES: `${SHARD}` };
  await lab.loadImage(["spark-1"], { env });
  await lab.loadImage(["spark-1"], { reference: slow, env: { ...env, SPARK_MESH_LAB_DOWNLOAD_SECONDS: "4" } });
  await lab.loadImage(["spark-1"], {
    reference: broken,
    env: { ...env, SPARK_MESH_LAB_DOWNLOAD_FAILS_AFTER: "20000000" },
  });
});

afterEach(() => slowLinks(lab));

afterAll(() => lab?.down());

const linesOf = (id: string, image = standInReference) => [`image ${image}`, `model ${id}`];
const folderOf = (id: string) => `${hub}/models--${id.replace("/", "--")}`;
const everywhere = <T>(act: (host: string) => Promise<T>) => Promise.all(lab.hosts.map(({ name }) => act(name)));
const recordOn = (host: string, id: string) => inside(lab, host, `cat ${folderOf(id)}/.spark-mesh-main.json`);
const remove = (host: string, path: string) => inside(lab, host, `rm -rf ${path}`);

/** Names and contents of a model's snapshots on a host. */
const contents = (host: string, id: string) =>
  inside(lab, host, `cd ${folderOf(id)}/snapshots && find -L . -type f -exec sha256sum {} + | sort`);

/** What an operation leaves on the head besides models. */
const leftOnHead = () =>
  inside(
    lab,
    "spark-1",
    "ls -d /home/nvidia/.cache/spark-mesh* 2>/dev/null; docker ps --all --quiet; pgrep -u nvidia -x ssh -a; true",
  );

/** How often a host was logged in to over a CX7 link so far. */
const logins = async (host: string) =>
  Number(
    await inside(
      lab,
      host,
      "journalctl --sync; journalctl --quiet --no-pager | grep -c 'Accepted .* from 192[.]168[.]'; true",
    ),
  );

async function expectWhole(id: string): Promise<void> {
  const [first, ...others] = await everywhere((host) => contents(host, id));
  expect(first?.split("\n")).toHaveLength(6);
  expect(others).toEqual([first, first]);
  const records = await everywhere((host) => recordOn(host, id));
  expect(new Set(records).size).toBe(1);
  expect(
    await everywhere((host) => inside(lab, host, `ls ${folderOf(id)}/.spark-mesh-*.begun 2>/dev/null; true`)),
  ).toEqual(["", "", ""]);
}

test("fetched once and copied to both targets; the same again fetches and sends nothing", async () => {
  const before = await everywhere(logins);
  const first = await fetchTo(lab, "model", linesOf("acme/tiny"));
  expect(first).toMatchObject({ code: 0 });
  // One connection to each target, whatever is asked of it.
  expect(await everywhere(logins)).toEqual(before.map((count, index) => count + (index > 0 ? 1 : 0)));
  const [commit, files, bytes] = first.stdout.trim().split(" ");
  expect({ files, whole: Number(bytes) > 3 * SHARD }).toEqual({ files: "6", whole: true });
  await expectWhole("acme/tiny");
  expect(JSON.parse(await recordOn("spark-2", "acme/tiny"))).toEqual({
    version: 1,
    commit,
    files: 6,
    bytes: Number(bytes),
  });
  expect(first.sent).toBeGreaterThan(2 * Number(bytes));
  const again = await fetchTo(lab, "model", linesOf("acme/tiny", "lab/absent:1"));
  expect(again).toMatchObject({ code: 0, stdout: first.stdout, stderr: "" });
  expect(again.sent).toBeLessThan(NOTHING);
  expect(await leftOnHead()).toBe("");
});

test("a revision has a record of its own", async () => {
  const { code, stdout } = await startFetch(lab, "model", [...linesOf("acme/tiny"), "revision pr/7"]);
  expect({ code, files: stdout.split(" ")[1] }).toEqual({ code: 0, files: "6" });
  const records = await everywhere((host) =>
    inside(lab, host, `grep -h commit ${folderOf("acme/tiny")}/.spark-mesh-pr--7.json`),
  );
  expect(records).toEqual(Array(3).fill(`"commit": "${stdout.split(" ")[0]}",`));
  await remove("spark-1", folderOf("acme/tiny"));
  await everywhere((host) => remove(host, folderOf("acme/tiny")));
});

test("a head without it gets it from a target; one that somebody else put there is taken as it is", async () => {
  await startFetch(lab, "model", linesOf("acme/kept"));
  await remove("spark-1", folderOf("acme/kept"));
  await remove("spark-2", `${folderOf("acme/kept")}/.spark-mesh-main.json`);
  expect(await startFetch(lab, "model", linesOf("acme/kept", "lab/absent:1"))).toMatchObject({ code: 0 });
  await expectWhole("acme/kept");
  await remove("spark-1", `${folderOf("acme/kept")}/.spark-mesh-main.json`);
  const { code, sent } = await fetchTo(lab, "model", linesOf("acme/kept", "lab/absent:1"));
  expect({ code, little: sent < NOTHING }).toEqual({ code: 0, little: true });
  await expectWhole("acme/kept");
});

test.each([
  ["a shard is missing", "rm -f snapshots/*/model-00002*"],
  ["a link leads nowhere", "rm -f $(readlink -f snapshots/*/model-00002*)"],
  ["somebody's download stopped", "touch blobs/0.incomplete"],
  ["our download stopped", "touch .spark-mesh-main.begun"],
])("what has no record is not taken where %s", async (_, damage) => {
  await inside(lab, "spark-1", `cd ${folderOf("acme/kept")} && rm .spark-mesh-main.json && ${damage}`);
  const refused = await startFetch(lab, "model", linesOf("acme/kept", "lab/absent:1"), []);
  expect(refused.code).not.toBe(0);
  expect(refused.message).toMatch(/^spark-1: model acme\/kept: found no image lab\/absent:1 here/);
  expect(await startFetch(lab, "model", linesOf("acme/kept"))).toMatchObject({ code: 0 });
  await inside(lab, "spark-1", `rm -f ${folderOf("acme/kept")}/blobs/*.incomplete`);
  await expectWhole("acme/kept");
});

test.each([
  [
    "a link of a snapshot",
    (folder: string) => `cd ${folder}/snapshots/* && ln -s /home/nvidia/.ssh/authorized_keys planted`,
  ],
  [
    "a blob",
    (folder: string) =>
      `cd ${folder} && blob=$(readlink -f snapshots/*/config.json) && rm $blob && ln -s /home/nvidia/.ssh/authorized_keys $blob`,
  ],
])("%s that leads out of the model is a fault, and nothing is sent", async (_, plant) => {
  const folder = folderOf("acme/planted");
  await startFetch(lab, "model", linesOf("acme/planted"), []);
  // As the container of a server can.
  await inside(lab, "spark-1", plant(folder));
  await inside(lab, "spark-1", `rm ${folder}/.spark-mesh-main.json`);
  const { code, message, sent } = await fetchTo(lab, "model", linesOf("acme/planted"));
  expect(code).not.toBe(0);
  expect(message).toMatch(
    /^spark-1: model acme\/planted: found snapshots\/\w+\/(planted|config\.json) leads out of the model, wanted links to its own blobs alone; /,
  );
  expect(sent).toBeLessThan(NOTHING);
  await everywhere((host) => remove(host, folder));
});

test("what a target has of another commit, or with a record that isn't true, is replaced", async () => {
  await inside(lab, "spark-2", `cd ${folderOf("acme/kept")} && rm $(readlink -f snapshots/*/model-00001*)`);
  await inside(
    lab,
    "spark-3",
    `cd ${folderOf("acme/kept")} && mv snapshots/* snapshots/${"a".repeat(40)} && printf ${"a".repeat(40)} >refs/main && rm .spark-mesh-main.json`,
  );
  const { code, sent } = await fetchTo(lab, "model", linesOf("acme/kept"));
  expect({ code, little: sent < 1.5 * SHARD }).toEqual({ code: 0, little: true });
  expect(await recordOn("spark-3", "acme/kept")).toBe(await recordOn("spark-1", "acme/kept"));
  expect(await inside(lab, "spark-3", `find -L ${folderOf("acme/kept")}/snapshots -type f | wc -l`)).toBe("12");
  await everywhere((host) => remove(host, folderOf("acme/kept")));
});

test("a copy that was cut short sends only the rest, and counts for nothing before", async () => {
  await startFetch(lab, "model", linesOf("acme/cut"), []);
  await slowLinks(lab, "60mbit");
  const cut = startFetch(lab, "model", linesOf("acme/cut"), ["spark-2"]);
  await whenOn(lab, "spark-2", `(( $(du -sb ${folderOf("acme/cut")}/blobs 2>/dev/null | cut -f1) > ${1.5 * SHARD} ))`);
  await killUser(lab, "spark-1");
  expect((await cut).code).not.toBe(0);
  expect(await inside(lab, "spark-2", `cd ${folderOf("acme/cut")} && ls -A`)).toMatch(/^\.spark-mesh-main\.begun$/m);
  await slowLinks(lab);
  const rest = await fetchTo(lab, "model", linesOf("acme/cut"), ["spark-2"]);
  expect(rest).toMatchObject({ code: 0 });
  expect(rest.sent).toBeLessThan(2 * SHARD);
  expect(rest.sent).toBeGreaterThan(NOTHING);
});

test("a target that loses its power says so; the others get theirs, and it gets the rest when it is back", async () => {
  await remove("spark-2", folderOf("acme/cut"));
  await slowLinks(lab, "60mbit");
  const cut = startFetch(lab, "model", linesOf("acme/cut"));
  await whenOn(lab, "spark-2", `(( $(du -sb ${folderOf("acme/cut")}/blobs 2>/dev/null | cut -f1) > ${1.5 * SHARD} ))`);
  await lab.kill("spark-2");
  const { code, stderr, message } = await cut;
  expect(code).not.toBe(0);
  expect(message).toMatch(
    /^spark-1: ssh to spark-2: .+; check that sshd of spark-2 listens there, and what is between$/,
  );
  expect(stderr).toMatch(/^spark-1: model acme\/cut: to spark-3: \d+ MiB of \d+ MiB, [\d.]+ [KM]iB\/s$/m);
  expect(await recordOn("spark-3", "acme/cut")).toBe(await recordOn("spark-1", "acme/cut"));
  await lab.boot("spark-2");
  await lab.linksReady();
  await slowLinks(lab);
  const rest = await fetchTo(lab, "model", linesOf("acme/cut"));
  expect(rest).toMatchObject({ code: 0 });
  expect(rest.sent).toBeLessThan(2.5 * SHARD);
  await expectWhole("acme/cut");
});

test("a download that broke, or whose operation was ended, goes on with the next run", async () => {
  const begun = await startFetch(lab, "model", linesOf("acme/late", broken), []);
  expect(begun.code).not.toBe(0);
  expect(begun.message).toMatch(
    /^spark-1: model acme\/late: hf download: ConnectionError: .*; check the way from spark-1 to the hub, then run the command again to go on$/,
  );
  const cut = startFetch(lab, "model", linesOf("acme/late", slow), []);
  await whenOn(lab, "spark-1", "[[ -n $(docker ps --quiet) ]]");
  await inside(
    lab,
    "spark-1",
    "kill -KILL $(pgrep -u nvidia -fx 'bash -s model') $(pgrep -u nvidia -f '^docker run ')",
  );
  expect((await cut).code).not.toBe(0);
  expect(await inside(lab, "spark-1", "docker ps --quiet")).not.toBe("");
  const rest = await startFetch(lab, "model", linesOf("acme/late", slow));
  expect(rest.code).toBe(0);
  await expectWhole("acme/late");
  expect(await leftOnHead()).toBe("");
});

test("a folder is copied as it is; what is not the model's is a fault", async () => {
  await everywhere((host) => inside(lab, host, "install -d -o nvidia -g nvidia /models"));
  await inside(
    lab,
    "spark-1",
    "mkdir -p /models/own/sub && head -c 3000000 /dev/urandom >/models/own/a.safetensors && echo 1 >/models/own/sub/b",
  );
  const lines = linesOf("/models/own", "lab/absent:1");
  expect(await startFetch(lab, "model", lines)).toMatchObject({ code: 0, stdout: "- 2 3000002\n" });
  const again = await fetchTo(lab, "model", lines);
  expect(again).toMatchObject({ code: 0, stdout: "- 2 3000002\n" });
  expect(again.sent).toBeLessThan(NOTHING);
  const all = "cd /models/own && find . -type f -exec sha256sum {} + | sort";
  expect(await inside(lab, "spark-3", all)).toBe(await inside(lab, "spark-1", all));
  await inside(lab, "spark-2", "echo 1 >/models/own/foreign");
  const { message } = await startFetch(lab, "model", lines);
  expect(message).toMatch(
    /^spark-2: model \/models\/own: found 3 files of 3000004 bytes .*, wanted 2 of 3000002, as on spark-1; take away/,
  );
  const absent = await startFetch(lab, "model", linesOf("/models/none"));
  expect(absent.message).toMatch(/^spark-1: model \/models\/none: found no file there, wanted the model; /);
});

describe("a gated model", () => {
  const token = "hf_canaryToken0123456789";
  const canary = "canary[T]oken";

  test("without a token, or with a wrong one, is a fault that says what to set", async () => {
    const none = await startFetch(lab, "model", linesOf("gated/one"));
    expect(none.message).toBe(
      "spark-1: model gated/one: found a gated model and no token, wanted a token that may read it; set spark-mesh:hfToken",
    );
    const wrong = `token ${Buffer.from("wrong-canaryToken").toString("base64")}`;
    const refused = await startFetch(lab, "model", [...linesOf("gated/one"), wrong]);
    expect(refused.message).toMatch(
      /^spark-1: model gated\/one: found a token that may not read it, .*spark-mesh:hfToken$/,
    );
    expect(refused.stderr).not.toContain("canary");
  });

  test("with a token comes, and the token is in no process, container, log or file", async () => {
    const lines = [...linesOf("gated/one", slow), `token ${Buffer.from(token).toString("base64")}`];
    const fetched = startFetch(lab, "model", lines);
    await whenOn(lab, "spark-1", `[[ -n $(find ${folderOf("gated/one")}/blobs -size +1M 2>/dev/null) ]]`);
    const seen = await inside(
      lab,
      "spark-1",
      `docker inspect $(docker ps --quiet) | tee /dev/stderr | grep ${canary}; docker logs $(docker ps --quiet) 2>&1 | grep ${canary}
       for process in /proc/[0-9]*; do tr '\\0' '\\n' <$process/cmdline; tr '\\0' '\\n' <$process/environ; done 2>/dev/null | grep ${canary}
       grep -rl ${canary} /var/lib/docker/containers /home /tmp /run /etc /root 2>/dev/null; true`,
    );
    expect(seen).toBe("");
    const { code, stdout, stderr } = await fetched;
    expect(code).toBe(0);
    expect(stdout + stderr).not.toContain("canary");
    const after = await everywhere((host) =>
      inside(
        lab,
        host,
        `grep -rl ${canary} /var/lib/docker/containers /home /tmp /run /etc /root /var/log 2>/dev/null; journalctl --sync; journalctl --no-pager | grep ${canary}; true`,
      ),
    );
    expect(after).toEqual(["", "", ""]);
  });
});

test.each([
  ["missing/model", [], /found none of that name on the hub, or a private one; correct the recipe's model/],
] as const)("%s is a fault", async (id, targets, words) => {
  const { code, message } = await startFetch(lab, "model", linesOf(id), targets);
  expect(code).not.toBe(0);
  expect(message).toMatch(words);
});

test.each([
  [
    "a disk without room",
    "mkdir -p /home/nvidia/.cache/huggingface && mount -t tmpfs -o size=20m,mode=1777 tmpfs /home/nvidia/.cache/huggingface",
    "umount /home/nvidia/.cache/huggingface",
    /^spark-2: model acme\/late: found 20 MiB free where ~\/\S+ is, wanted 36 MiB; free some, then run the command again$/,
  ],
  [
    "a cache that is root's",
    `rm -rf ${hub} && mkdir ${hub}`,
    `chown nvidia: ${hub}`,
    /^spark-2: model acme\/late: found no right for the login user to write ~\/\S+, wanted it; give it to that user: chown$/,
  ],
  [
    "no rsync",
    `rm -rf ${folderOf("acme/late")}; mv /usr/bin/rsync /usr/bin/rsync.away`,
    "mv /usr/bin/rsync.away /usr/bin/rsync",
    /^spark-2: model acme\/late: found no rsync there or on spark-1, wanted it on both; install it: sudo apt install rsync$/,
  ],
])("%s on a target is a fault; without it the next run finishes", async (_, breakIt, mendIt, words) => {
  await inside(lab, "spark-2", breakIt);
  const { code, stdout, stderr } = await startFetch(lab, "model", linesOf("acme/late"), ["spark-2"]);
  await inside(lab, "spark-2", mendIt);
  expect({ code: code !== 0, stdout }).toEqual({ code: true, stdout: "" });
  expect(stderr.trimEnd()).toMatch(words);
  expect(await startFetch(lab, "model", linesOf("acme/late"), ["spark-2"])).toMatchObject({ code: 0 });
});
