import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Lab, type LabHost } from "../../lab/hosts/lab";
import { inside } from "../inside";
import { must, operate, type Result, traces } from "./operations";
import {
  blocksOf,
  emptyHomes,
  home,
  keyIn,
  pairDocument,
  settlePair,
  sshFolder,
  strangersKey,
  trustDocument,
} from "./trust";

const ssh = `${home}/.ssh`;

let lab: Lab;
let host: LabHost;
const keys = new Map([["spark-2", strangersKey]]);

beforeAll(async () => {
  const hosts = ["spark-1", "spark-2"].map((name) => ({ name, renderer: "networkd" as const }));
  lab = await Lab.up({ name: "test-trust-faults", stackFile: false, fresh: true, wiring: "pair", hosts });
  [host] = lab.hosts as [LabHost];
  await emptyHomes(lab);
  await settlePair(lab);
});

beforeEach(async () => {
  await inside(lab, host.name, `umount ${ssh} ${home} 2>/dev/null; rm -rf ${ssh}`);
});

afterAll(() => lab?.down());

const stage = (extra: readonly string[] = []) => operate(lab, host, "stage", pairDocument(lab, host, { extra }));
const trust = (stack?: string) => operate(lab, host, "trust", trustDocument(lab, host, keys, stack));
const distrust = (stack?: string) => operate(lab, host, "distrust", trustDocument(lab, host, keys, stack));

async function makeKey(): Promise<void> {
  keys.set(host.name, keyIn(await must(lab, host, "stage", pairDocument(lab, host))));
}

/** All of the host that an operation could have touched. */
const state = async () => `${await sshFolder(lab, host.name)}\n${await traces(lab, host.name)}`;

/** Shows that an operation fails with one message, and has touched nothing. */
async function expectFault(operation: () => Promise<Result>, message: RegExp): Promise<void> {
  const before = await state();
  const { code, stdout, stderr } = await operation();
  expect(stderr.trimEnd()).toMatch(message);
  expect(stderr.trimEnd()).not.toContain("\n");
  expect({ code: code !== 0, stdout }).toEqual({ code: true, stdout: "" });
  expect(await state()).toBe(before);
}

describe("a read-only home", () => {
  const seal = () => inside(lab, host.name, `mount --bind ${home} ${home} && mount -o remount,bind,ro ${home}`);
  const words = (path: string) =>
    new RegExp(
      `^spark-1: ~/\\.ssh${path} can't be written: Read-only file system; make it writable, with room on its disk, and run the command again$`,
    );

  test("on a first visit", async () => {
    await seal();
    await expectFault(stage, words(""));
  });

  test("when a new key pair is asked for, and when blocks are due", async () => {
    await makeKey();
    await inside(lab, host.name, `touch ${ssh}/spark-mesh/rotate`);
    await seal();
    await expectFault(stage, words("/spark-mesh/lock"));
    await expectFault(trust, words("/spark-mesh/lock"));
  });

  test("when all is to go", async () => {
    await makeKey();
    await trust();
    await seal();
    await expectFault(distrust, words("/spark-mesh/lock"));
  });
});

describe("a full disk, however much room is left", () => {
  const pageBytes = 4096;
  const foreign = `${"x".repeat(pageBytes - 100)}\n`;

  /** Gives ~/.ssh a disk of its own, with files of the user's. */
  async function makeDisk(): Promise<void> {
    const size = 40 * pageBytes;
    await inside(
      lab,
      host.name,
      `mkdir ${ssh} && mount -t tmpfs -o size=${size},mode=0700,uid=nvidia,gid=nvidia tmpfs ${ssh}`,
    );
    for (const name of ["authorized_keys", "known_hosts", "config"]) {
      await lab.exec(host.name, `cat >${ssh}/${name} && chown nvidia: ${ssh}/${name}`, { stdin: `# ${foreign}` });
    }
  }

  /** Runs an operation with no page left, then one, and so on: it fails and touches nothing, until at last it succeeds. */
  async function withMoreAndMoreRoom(operation: () => Promise<Result>): Promise<number> {
    for (let pages = 0; pages < 20; pages++) {
      await inside(
        lab,
        host.name,
        `rm -f ${ssh}/fill; dd if=/dev/zero of=${ssh}/fill bs=${pageBytes} 2>/dev/null; truncate -s -${pages * pageBytes} ${ssh}/fill`,
      );
      const before = await state();
      const { code, stderr } = await operation();
      if (code === 0) return pages;
      expect(stderr.trimEnd()).toMatch(/^spark-1: ~\/\.ssh\S* can't be written: No space left on device; [^\n]*$/);
      expect(await state()).toBe(before);
    }
    throw new Error("found no room that is enough");
  }

  test("key pair, blocks and their removal", async () => {
    await makeDisk();
    const before = await sshFolder(lab, host.name);
    expect(await withMoreAndMoreRoom(stage)).toBeGreaterThan(1);
    await makeKey();
    expect(await withMoreAndMoreRoom(trust)).toBeGreaterThan(3);
    await inside(lab, host.name, `touch ${ssh}/spark-mesh/rotate`);
    expect(await withMoreAndMoreRoom(stage)).toBeGreaterThan(1);
    expect(await withMoreAndMoreRoom(distrust)).toBeGreaterThan(1);
    await inside(lab, host.name, `rm ${ssh}/fill`);
    expect(await sshFolder(lab, host.name)).toBe(before);
  });
});

describe("what can't be told apart from ours", () => {
  const begin = "# BEGIN spark-mesh: written by pulumi up, changes are undone";
  const end = "# END spark-mesh";
  const spoil = (lines: readonly string[]) =>
    lab.exec(host.name, `cat >${ssh}/known_hosts`, { stdin: `${lines.join("\n")}\n` });
  const words =
    /^spark-1: ~\/\.ssh\/known_hosts: found lines "# BEGIN spark-mesh" and "# END spark-mesh", wanted one of each in this order; take them out by hand/;

  test("stops a first visit", async () => {
    await inside(lab, host.name, `install -d -o nvidia -g nvidia ${ssh}`);
    await spoil([begin, "theirs"]);
    await expectFault(stage, words);
  });

  test("stops whoever would write", async () => {
    await makeKey();
    await trust();
    for (const lines of [
      [begin, "theirs"],
      ["theirs", end],
      [begin, end, "theirs", begin, end],
      [end, begin],
      [begin, begin, end, end],
    ]) {
      await spoil(lines);
      await expectFault(trust, words);
    }
    await expectFault(distrust, words);
  });
});

describe("files that aren't the user's", () => {
  test.each([
    ["root's", "touch config", "a regular empty file of root with mode 644"],
    ["unreadable", "touch config; chown nvidia: config; chmod 0 config", "a regular empty file of nvidia with mode 0"],
    ["a directory", "mkdir config; chown nvidia: config", "a directory of nvidia with mode 755"],
    ["a link to another's", "ln -s /etc/hosts config", "a regular file of root with mode 644"],
    ["a link to nothing", "ln -s nowhere config", "a link to nothing"],
  ])("%s", async (_, make, found) => {
    await makeKey();
    await inside(lab, host.name, `cd ${ssh} && ${make}`);
    await expectFault(
      trust,
      new RegExp(
        `^spark-1: ~/\\.ssh/config: found ${found}, wanted a regular file that nvidia owns and can read; put that right`,
      ),
    );
  });

  test("~/.ssh itself", async () => {
    await inside(lab, host.name, `mkdir ${ssh}`);
    await expectFault(
      stage,
      /^spark-1: ~\/\.ssh: found a directory of root, wanted a directory of nvidia; put that right/,
    );
  });
});

test("a stage that fails takes the key pair of a first visit along, and no other", async () => {
  const failing = () => stage([`move 60-other.yaml ${"0".repeat(64)} Cg==`]);
  await expectFault(failing, /60-other\.yaml: found no file/);
  await makeKey();
  await trust();
  await expectFault(failing, /60-other\.yaml: found no file/);
});

test("release removes a key pair that no peer was ever told of, and no other", async () => {
  const release = () => must(lab, host, "release", pairDocument(lab, host));
  await makeKey();
  await release();
  expect(await sshFolder(lab, host.name)).toBe("");
  await settlePair(lab);
  await makeKey();
  expect(await trust()).toMatchObject({ code: 0, stderr: "" });
  const before = await sshFolder(lab, host.name);
  await release();
  expect(await sshFolder(lab, host.name)).toBe(before);
  await settlePair(lab);
});

test("another stack is refused by name", async () => {
  await makeKey();
  await trust();
  const words =
    /^spark-1: belongs to stack organization\/spark-mesh\/home, found by stack organization\/spark-mesh\/other; destroy/;
  await expectFault(() => trust("organization/spark-mesh/other"), words);
  await expectFault(() => distrust("organization/spark-mesh/other"), words);
});

test("operations at the same time wait for each other", async () => {
  await makeKey();
  const results = await Promise.all(Array.from({ length: 6 }, () => trust()));
  expect(results.map(({ code, stderr }) => `${code} ${stderr}`)).toEqual(Array(6).fill("0 "));
  const { config } = blocksOf(lab, host, keys);
  expect(await inside(lab, host.name, `cat ${ssh}/config`)).toBe(config.trim());
  expect(await distrust()).toMatchObject({ code: 0, stderr: "" });
  expect(await sshFolder(lab, host.name)).toBe("");
});
