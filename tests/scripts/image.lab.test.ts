import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { standInReference } from "../../lab/hosts/image";
import type { Lab } from "../../lab/hosts/lab";
import { inside } from "../inside";
import { fetchTo, killUser, slowLinks, startFetch, upTrusted, whenOn } from "./fetch";

/** What the sessions of an operation cost that sends no image. */
const NOTHING = 100_000;
const LINES = [`image ${standInReference}`];

let lab: Lab;
let id: string;
let bytes: number;

beforeAll(async () => {
  lab = await upTrusted("test-image");
  id = await lab.loadImage(["spark-1"]);
  bytes = Number(await inside(lab, "spark-1", `docker image inspect --format '{{.Size}}' ${standInReference}`));
});

afterEach(() => slowLinks(lab));

afterAll(() => lab?.down());

const idOn = async (host: string, reference = standInReference) =>
  (await lab.exec(host, `docker image inspect --format '{{.Id}}' ${reference}`)).stdout.trim();
const forget = (host: string, reference = standInReference) => inside(lab, host, `docker rmi --force ${reference}`);
const forgetAll = () => Promise.all(["spark-2", "spark-3"].map((host) => forget(host)));

/** What an operation leaves on a host besides images. */
const leftOn = (host: string) =>
  inside(lab, host, "ls -A /home/nvidia/.cache 2>/dev/null; docker ps --all --quiet; true");

test("both targets get it over the CX7 links; the same again sends none of it", async () => {
  const first = await fetchTo(lab, "image", LINES);
  expect(first).toMatchObject({ code: 0, stdout: `${id}\n` });
  expect(first.sent).toBeGreaterThan(2 * bytes);
  expect([await idOn("spark-2"), await idOn("spark-3")]).toEqual([id, id]);
  const again = await fetchTo(lab, "image", [...LINES, "nccl 2.30.7"]);
  expect(again).toMatchObject({ code: 0, stdout: `${id}\n`, stderr: "" });
  expect(again.sent).toBeLessThan(NOTHING);
  expect(await leftOn("spark-1")).toBe("");
});

test("a target that has another image of that name gets the head's", async () => {
  await forget("spark-3");
  const other = await lab.loadImage(["spark-3"], { env: { OTHER: "1" } });
  const { code, stdout, sent } = await fetchTo(lab, "image", LINES);
  expect({ code, stdout }).toEqual({ code: 0, stdout: `${id}\n` });
  expect(await idOn("spark-3")).toBe(id);
  expect(other).not.toBe(id);
  expect(sent).toBeLessThan(1.5 * bytes);
});

test("a head without it gets it from a target", async () => {
  await forget("spark-1");
  expect(await fetchTo(lab, "image", LINES)).toMatchObject({ code: 0, stdout: `${id}\n` });
  expect(await idOn("spark-1")).toBe(id);
});

test("what is asked for by its digest has a tag for a name, which a copy keeps", async () => {
  const digest = "ab".repeat(32);
  await inside(lab, "spark-2", `docker tag ${standInReference} localhost:5000/lab/vllm:sha256-${digest}`);
  const lines = [`image localhost:5000/lab/vllm:latest@sha256:${digest}`];
  expect(await fetchTo(lab, "image", lines)).toMatchObject({ code: 0, stdout: `${id}\n` });
  expect(await idOn("spark-3", `localhost:5000/lab/vllm:sha256-${digest}`)).toBe(id);
});

test.each([
  ["too old", 22_809, /found 2\.28\.9 at \S+libnccl\.so\.2, wanted 2\.30\.7 or newer/],
  ["of an old numbering", 2_804, /found 2\.8\.4 at \S+, wanted 2\.30\.7 or newer/],
  ["not there", false as const, /found no libnccl\.so\.2, wanted 2\.30\.7 or newer/],
])("NCCL that is %s is a fault before anything is sent", async (_, ncclVersion, words) => {
  const reference = `lab/nccl:${ncclVersion}`;
  await lab.loadImage(["spark-1"], { reference, ncclVersion });
  const { code, stdout, message, sent } = await fetchTo(lab, "image", [`image ${reference}`, "nccl 2.30.7"]);
  expect({ code: code !== 0, stdout }).toEqual({ code: true, stdout: "" });
  expect(message).toMatch(/^spark-1: image lab\/nccl:\w+: NCCL: /);
  expect(message).toMatch(words);
  expect(sent).toBeLessThan(NOTHING);
  expect(await leftOn("spark-1")).toBe("");
});

test("a slow copy says every few seconds how far it is; two operations at once wait for each other", async () => {
  await forgetAll();
  await slowLinks(lab, "120mbit");
  const [first, second] = await Promise.all([fetchTo(lab, "image", LINES), startFetch(lab, "image", LINES)]);
  expect([first, second]).toMatchObject(Array(2).fill({ code: 0, stdout: `${id}\n` }));
  const said = `${first.stderr}${second.stderr}`;
  expect(said).toMatch(
    /^spark-1: image spark-mesh-lab\/vllm:stand-in: to spark-2: \d+ MiB of \d+ MiB, [\d.]+ [KM]iB\/s$/m,
  );
  expect(said).toMatch(/^spark-1: waiting for another spark-mesh operation that fetches here$/m);
  expect(first.sent).toBeLessThan(2.5 * bytes);
});

test.each([
  ["by the end of all that runs on the head", () => killUser(lab, "spark-1")],
  ["by the end of all that runs on a target", () => killUser(lab, "spark-2")],
  ["by the end of the operation alone", () => inside(lab, "spark-1", "pkill -KILL -u nvidia -fx 'bash -s image'")],
])("cut short %s, the next run goes on", async (_, interrupt) => {
  await forgetAll();
  await slowLinks(lab, "160mbit");
  const cut = startFetch(lab, "image", LINES);
  await whenOn(lab, "spark-2", "[[ -n $(find /var/lib/docker/tmp -size +5M 2>/dev/null) ]]");
  expect(await idOn("spark-2")).toBe("");
  await interrupt();
  const { code, stdout } = await cut;
  expect({ code: code !== 0, stdout }).toEqual({ code: true, stdout: "" });
  await slowLinks(lab);
  expect(await fetchTo(lab, "image", LINES)).toMatchObject({ code: 0, stdout: `${id}\n` });
  expect([await idOn("spark-2"), await idOn("spark-3")]).toEqual([id, id]);
  expect(await leftOn("spark-1")).toBe("");
});

test("a target whose disk has no room is a fault before anything is sent", async () => {
  await forgetAll();
  const small = `systemctl stop docker.socket docker; mount -t tmpfs -o size=120m tmpfs /var/lib/docker; systemctl start docker`;
  await inside(lab, "spark-2", small);
  const { code, stderr, sent } = await fetchTo(lab, "image", LINES);
  await inside(
    lab,
    "spark-2",
    "systemctl stop docker.socket docker; umount -l /var/lib/docker; systemctl start docker",
  );
  expect(code).not.toBe(0);
  expect(stderr).toMatch(
    /^spark-2: image \S+: found 1\d\d MiB free where Docker keeps images, wanted \d{3} MiB; free some, then run the command again\n$/,
  );
  expect(sent).toBeLessThan(NOTHING);
});

test.each([
  [
    "a target that nobody answers at",
    "systemctl stop ssh",
    "systemctl start ssh",
    /^spark-1: ssh to spark-2: .*refused; check that sshd of spark-2/,
  ],
  [
    "a user outside docker",
    "gpasswd -d nvidia docker",
    "gpasswd -a nvidia docker",
    /^spark-2: docker: found no permission for the login user.*set spark-mesh:system: \{ dockerGroup: true \}$/,
  ],
  [
    "no Docker",
    "mv /usr/bin/docker /usr/bin/docker.away",
    "mv /usr/bin/docker.away /usr/bin/docker",
    /^spark-2: docker: found none, wanted Docker Engine; /,
  ],
  [
    "a Docker that is down",
    "systemctl stop docker.socket docker",
    // Tests have started it often.
    "systemctl reset-failed docker && systemctl start docker",
    /^spark-2: docker: found no daemon that answers/,
  ],
])("%s is a fault", async (_, breakIt, mendIt, words) => {
  await inside(lab, "spark-2", breakIt);
  const { code, stdout, stderr } = await startFetch(lab, "image", LINES);
  await inside(lab, "spark-2", mendIt);
  expect({ code: code !== 0, stdout }).toEqual({ code: true, stdout: "" });
  expect(stderr.trimEnd()).toMatch(words);
  expect(stderr.trimEnd()).not.toContain("\n");
});

test("a registry that can't be reached is a fault", async () => {
  const { code, message } = await startFetch(lab, "image", ["image registry.invalid/none:1"]);
  expect(code).not.toBe(0);
  expect(message).toMatch(/^spark-1: image registry\.invalid\/none:1: docker pull: .*check the way from spark-1/);
});

test("what a registry has is pulled to the head alone, by its tag or its digest", async () => {
  const name = "localhost:5000/lab/pulled";
  await inside(
    lab,
    "spark-1",
    `cat >/run/registry.yml <<'CONFIG'
version: 0.1
storage: { filesystem: { rootdirectory: /run/registry } }
http: { addr: "127.0.0.1:5000" }
CONFIG
    systemd-run --quiet --unit=lab-registry docker-registry serve /run/registry.yml
    until curl --silent --fail http://127.0.0.1:5000/v2/; do sleep 0.2; done
    printf 'FROM ${standInReference}\\nENV PULLED=1\\n' | docker build --quiet --tag ${name}:1 - && docker push --quiet ${name}:1`,
  );
  const pulled = await idOn("spark-1", `${name}:1`);
  const digest = (
    await inside(lab, "spark-1", `docker image inspect --format '{{index .RepoDigests 0}}' ${name}:1`)
  ).trim();
  for (const [asked, kept] of [
    [`${name}:1`, `${name}:1`],
    [digest, digest.replace("@sha256:", ":sha256-")],
  ] as const) {
    await inside(lab, "spark-1", `docker images --quiet ${name} | xargs --no-run-if-empty docker rmi --force`);
    const { code, stdout, stderr } = await startFetch(lab, "image", [`image ${asked}`]);
    expect({ code, stdout }, stderr).toEqual({ code: 0, stdout: `${pulled}\n` });
    expect(await Promise.all(lab.hosts.map(({ name: host }) => idOn(host, kept)))).toEqual([pulled, pulled, pulled]);
  }
  await inside(lab, "spark-1", "systemctl stop lab-registry; rm -r /run/registry /run/registry.yml");
});
