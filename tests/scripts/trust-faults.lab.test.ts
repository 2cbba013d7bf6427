import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Lab, type LabHost } from "../../lab/hosts/lab";
import { inside } from "../inside";
import { type Result, traces } from "./operations";
import { installProgram, runProgram } from "./program";
import { blocksOf, emptyHomes, headOf, home, makeKeys, sshFolder, strangersKey, trustSpec } from "./trust";

const ssh = `${home}/.ssh`;

let lab: Lab;
let host: LabHost;
const keys = new Map([["spark-2", strangersKey]]);

beforeAll(async () => {
  const hosts = ["spark-1", "spark-2"].map((name) => ({ name, renderer: "networkd" as const }));
  lab = await Lab.up({ name: "test-trust-faults", stackFile: false, fresh: true, wiring: "pair", hosts });
  [host] = lab.hosts as [LabHost];
  await emptyHomes(lab);
  await installProgram(lab);
});

beforeEach(async () => {
  await inside(lab, host.name, `umount ${ssh} ${home} 2>/dev/null; rm -rf ${ssh}`);
});

afterAll(() => lab?.down());

const key = () => runProgram(lab, host, "key", headOf(host));
const trust = (stack?: string) => runProgram(lab, host, "trust", trustSpec(lab, host, keys, stack ? { stack } : {}));
const distrust = (stack?: string) => runProgram(lab, host, "distrust", headOf(host, stack));

async function makeKey(): Promise<void> {
  for (const [name, made] of await makeKeys(lab, [host])) keys.set(name, made);
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
      `^spark-1: ~/\\.ssh${path}: can't be written: Read-only file system; make it writable, with room on its disk, and run the command again$`,
    );

  test("on a first visit", async () => {
    await seal();
    await expectFault(key, words(""));
  });

  test("when a new key pair is asked for, and when blocks are due", async () => {
    await makeKey();
    await inside(lab, host.name, `touch ${ssh}/spark-mesh/rotate`);
    await seal();
    await expectFault(key, words("/spark-mesh/lock"));
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
      expect(stderr.trimEnd()).toMatch(/^spark-1: ~\/\.ssh\S*: can't be written: No space left on device; [^\n]*$/);
      expect(await state()).toBe(before);
    }
    throw new Error("found no room that is enough");
  }

  test("key pair, blocks and their removal", async () => {
    await makeDisk();
    const before = await sshFolder(lab, host.name);
    expect(await withMoreAndMoreRoom(key)).toBeGreaterThan(1);
    await makeKey();
    expect(await withMoreAndMoreRoom(trust)).toBeGreaterThan(3);
    await inside(lab, host.name, `touch ${ssh}/spark-mesh/rotate`);
    expect(await withMoreAndMoreRoom(key)).toBeGreaterThan(1);
    expect(await withMoreAndMoreRoom(distrust)).toBeGreaterThan(1);
    await inside(lab, host.name, `rm ${ssh}/fill`);
    expect(await sshFolder(lab, host.name)).toBe(before);
  });
});

describe("what can't be told apart from ours", () => {
  const begin = "# BEGIN spark-mesh: written by pulumi up, changes are undone";
  const end = "# END spark-mesh";
  const spoil = (lines: readonly string[]) =>
    lab.exec(host.name, `cat >${ssh}/known_hosts && chown nvidia: ${ssh}/known_hosts`, {
      stdin: `${lines.join("\n")}\n`,
    });
  const words =
    /^spark-1: ~\/\.ssh\/known_hosts: found lines "# BEGIN spark-mesh" and "# END spark-mesh", wanted one of each in this order; take them out by hand/;

  test("stops a first visit", async () => {
    await inside(lab, host.name, `install -d -o nvidia -g nvidia ${ssh}`);
    await spoil([begin, "theirs"]);
    await expectFault(key, words);
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
    ["root's", "touch config", "a file of root with mode 644"],
    ["unreadable", "touch config; chown nvidia: config; chmod 0 config", "a file of nvidia with mode 0"],
    ["a directory", "mkdir config; chown nvidia: config", "a folder of nvidia with mode 755"],
    ["a link out of the home", "ln -s /etc/hosts config", "a link that leads out of the home"],
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
    await expectFault(key, /^spark-1: ~\/\.ssh: found a folder of root, wanted a folder of nvidia; put that right/);
  });
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
