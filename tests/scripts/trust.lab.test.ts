import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { readAnswer } from "../../components/operations";
import { Lab, type LabHost } from "../../lab/hosts/lab";
import { inside } from "../inside";
import { installProgram, mustRun, programCommand } from "./program";
import {
  asUser,
  blocksOf,
  changes,
  emptyHomes,
  factsOf,
  headOf,
  home,
  sshFolder,
  strangersKey,
  trustHost,
  trustSpec,
} from "./trust";

let lab: Lab;
let host: LabHost;
let keys: Map<string, string>;

beforeAll(async () => {
  lab = await Lab.up({
    name: "test-trust-scripts",
    stackFile: false,
    fresh: true,
    wiring: "pair",
    hosts: [
      { name: "spark-1", renderer: "networkd", sudoPassword: "spark-1 asks" },
      { name: "spark-2", renderer: "networkd" },
    ],
  });
  [host] = lab.hosts as [LabHost];
  await emptyHomes(lab);
  await installProgram(lab);
  keys = new Map([["spark-2", strangersKey]]);
});

beforeEach(async () => {
  await inside(lab, host.name, `rm -rf ${home}/.ssh ${home}/dotfiles`);
});

afterAll(() => lab?.down());

const trust = () => trustHost(lab, host, keys);
const distrust = () => mustRun(lab, host, "distrust", headOf(host));
const foreign = {
  authorized_keys: Array.from(
    { length: 500 },
    (_, i) => `ssh-ed25519 AAAA${i}${"x".repeat(150)} visitor ${i} "$(touch /tmp/canary)"`,
  ).join("\n"),
  known_hosts: "|1|c2FsdA==|aGFzaA== ssh-ed25519 AAAAforeign\n@cert-authority * ssh-rsa AAAA\n",
  config: "Compression yes\nUser everyone\n\nHost other\n  Port 2222\n\nMatch user nobody\n  ForwardAgent yes\n",
} as const;

/** Files of ~/.ssh that are not ours, by name. */
async function write(files: Readonly<Record<string, string>>, folder = `${home}/.ssh`): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    const { code, stderr } = await lab.exec(
      host.name,
      `install -d -m 0700 -o nvidia -g nvidia ${folder} && cat >${folder}/${name} && chown nvidia: ${folder}/${name} && chmod 0600 ${folder}/${name}`,
      { stdin: text },
    );
    if (code !== 0) throw new Error(stderr);
  }
}

const read = async (name: string) => (await lab.exec(host.name, `cat ${home}/.ssh/${name}`)).stdout;

test("a home without ~/.ssh gets all of it, and is without it again", async () => {
  const before = await sshFolder(lab, host.name);
  await trust();
  expect((await sshFolder(lab, host.name)).split("\n").filter((line) => line.includes("nvidia:"))).toEqual([
    ".ssh d 700 nvidia:nvidia ",
    ".ssh/authorized_keys f 600 nvidia:nvidia ",
    ".ssh/config f 600 nvidia:nvidia ",
    ".ssh/known_hosts f 600 nvidia:nvidia ",
    ".ssh/spark-mesh d 700 nvidia:nvidia ",
    ".ssh/spark-mesh/id_ed25519 f 600 nvidia:nvidia ",
    ".ssh/spark-mesh/id_ed25519.pub f 644 nvidia:nvidia ",
    ".ssh/spark-mesh/lock f 600 nvidia:nvidia ",
    ".ssh/spark-mesh/memory.json f 600 nvidia:nvidia ",
    ".ssh/spark-mesh/record.json f 600 nvidia:nvidia ",
  ]);
  const blocks = blocksOf(lab, host, keys);
  for (const [name, text] of Object.entries(blocks)) expect(await read(name)).toBe(text);
  expect(await asUser(lab, host.name, "ssh-keygen -y -f ~/.ssh/spark-mesh/id_ed25519")).toBe(
    `${keys.get(host.name)} spark-mesh:spark-1`,
  );
  expect(JSON.parse(await read("spark-mesh/record.json"))).toEqual({
    version: 1,
    host: "spark-1",
    stack: "organization/spark-mesh/home",
    publicKey: keys.get("spark-1"),
    peers: lab.hosts.map((peer) => ({
      host: peer.name,
      user: "nvidia",
      port: 22,
      hostKey: peer.hostKey,
      names: [peer.address],
      publicKey: keys.get(peer.name),
    })),
  });
  expect(await factsOf(lab, host)).toMatchObject({
    stats: expect.arrayContaining([
      expect.objectContaining({ path: "~/.ssh", mode: "700", owner: "nvidia", type: "directory" }),
      expect.objectContaining({
        path: "~/.ssh/spark-mesh/id_ed25519",
        mode: "600",
        owner: "nvidia",
        type: "regular file",
      }),
    ]),
    blocks,
    publicKey: keys.get("spark-1"),
    privateKey: true,
    rotate: false,
    record: await read("spark-mesh/record.json"),
  });
  await distrust();
  expect(await sshFolder(lab, host.name)).toBe(before);
});

test("root has its key pair in its own home, whatever the environment says", async () => {
  const asRoot = async (operation: "key" | "trust" | "distrust", spec: string) => {
    const { stdin } = programCommand(lab, host, operation, spec);
    const { stdout, stderr } = await lab.exec(host.name, `HOME=${home} exec bash -s user ${operation}`, { stdin });
    expect(stderr).toBe("");
    return readAnswer(stdout);
  };
  const before = [await sshFolder(lab, host.name), await inside(lab, host.name, "ls -A /root")];
  keys.set(host.name, String((await asRoot("key", headOf(host))).publicKey));
  await asRoot("trust", trustSpec(lab, host, keys));
  expect(await inside(lab, host.name, "cat /root/.ssh/config")).toBe(blocksOf(lab, host, keys).config.trim());
  expect(await inside(lab, host.name, "stat -c '%a %U' /root/.ssh/spark-mesh/id_ed25519")).toBe("600 root");
  await asRoot("distrust", headOf(host));
  expect([await sshFolder(lab, host.name), await inside(lab, host.name, "ls -A /root")]).toEqual(before);
});

test("a second run writes nothing, and keeps the key pair", async () => {
  await write(foreign);
  await trust();
  const before = await changes(lab, host.name);
  const key = keys.get(host.name);
  await trust();
  expect(keys.get(host.name)).toBe(key);
  expect(await changes(lab, host.name)).toBe(before);
});

test("what is not ours stays, byte for byte, and comes back with its modes", async () => {
  await write({ ...foreign, id_ed25519: "the user's own\n", "id_ed25519.pub": "ssh-ed25519 AAAA own\n" });
  await inside(
    lab,
    host.name,
    `cd ${home}/.ssh && chmod 0775 . && chmod 0664 authorized_keys && chmod 0640 known_hosts`,
  );
  await inside(lab, host.name, `cd ${home}/.ssh && chgrp sudo known_hosts && : >empty && chown nvidia: empty`);
  const before = await sshFolder(lab, host.name);
  await trust();
  for (const [name, text] of Object.entries(blocksOf(lab, host, keys))) {
    expect(await read(name)).toBe(text + foreign[name as keyof typeof foreign]);
  }
  expect(
    await inside(lab, host.name, `cd ${home}/.ssh && stat -c '%n %a %G' . authorized_keys known_hosts config`),
  ).toBe(". 755 nvidia\nauthorized_keys 644 nvidia\nknown_hosts 640 sudo\nconfig 600 nvidia");
  await distrust();
  expect(await sshFolder(lab, host.name)).toBe(before);
  await distrust();
  expect(await sshFolder(lab, host.name)).toBe(before);
});

test("the user's own settings keep their scope", async () => {
  await write(foreign);
  await trust();
  const settingsOf = async (name: string) =>
    (await asUser(lab, host.name, `ssh -G ${name}`))
      .split("\n")
      .filter((line) => /^(user|port|compression|hostname|hostkeyalias|stricthostkeychecking) /.test(line));
  expect(await settingsOf("elsewhere")).toEqual(
    expect.arrayContaining(["user everyone", "port 22", "compression yes", "stricthostkeychecking ask"]),
  );
  expect(await settingsOf("other")).toEqual(expect.arrayContaining(["user everyone", "port 2222", "hostname other"]));
  expect(await settingsOf("spark-2")).toEqual(
    expect.arrayContaining([
      "user nvidia",
      "compression yes",
      "hostname 192.168.177.12",
      "hostkeyalias spark-2",
      "stricthostkeychecking true",
    ]),
  );
});

test("a link leads to the file that is written, and stays a link", async () => {
  await write({ config: foreign.config }, `${home}/dotfiles`);
  await write({ known_hosts: "" });
  await inside(lab, host.name, `ln -s ../dotfiles/config ${home}/.ssh/config`);
  const state = () => inside(lab, host.name, `cd ${home} && sha256sum dotfiles/config && ls -A dotfiles`);
  const before = [await sshFolder(lab, host.name), await state()];
  await trust();
  expect(await inside(lab, host.name, `readlink ${home}/.ssh/config`)).toBe("../dotfiles/config");
  expect(await read("config")).toBe(blocksOf(lab, host, keys).config + foreign.config);
  await distrust();
  expect([await sshFolder(lab, host.name), await state()]).toEqual(before);
});

test("blocks are mended wherever they stand, and what was written meanwhile stays", async () => {
  await trust();
  const blocks = blocksOf(lab, host, keys);
  await inside(
    lab,
    host.name,
    `cd ${home}/.ssh && sed -i '1i mine above' authorized_keys && printf 'mine below' >>authorized_keys &&
     sed -i /restrict/d authorized_keys && sed -i 's/^spark-2/spark-9/' known_hosts && rm config && chmod 0666 known_hosts && : >ssh`,
  );
  await trust();
  expect(await read("authorized_keys")).toBe(`${blocks.authorized_keys}mine above\nmine below`);
  expect(await read("known_hosts")).toBe(blocks.known_hosts);
  expect(await read("config")).toBe(blocks.config);
  expect(await inside(lab, host.name, `stat -c %a ${home}/.ssh/known_hosts`)).toBe("644");
  await distrust();
  expect(await inside(lab, host.name, `ls -A ${home}/.ssh`)).toBe("authorized_keys\nssh");
  expect(await read("authorized_keys")).toBe("mine above\nmine below");
});

test("nothing of ours is left where our folder was removed by hand", async () => {
  await write({ config: foreign.config });
  const before = await sshFolder(lab, host.name);
  await trust();
  await inside(lab, host.name, `rm -rf ${home}/.ssh/spark-mesh`);
  await trust();
  await distrust();
  expect(await sshFolder(lab, host.name)).toBe(before);
});
