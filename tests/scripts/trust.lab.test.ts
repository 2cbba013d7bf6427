import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { factsScript } from "../../facts/script";
import { Lab, type LabHost } from "../../lab/hosts/lab";
import { must, type Operation, on, operate, operationCommand } from "./operations";
import {
  asUser,
  blocksOf,
  changes,
  emptyHomes,
  home,
  keyIn,
  pairDocument,
  settlePair,
  sshFolder,
  trustDocument,
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
  await settlePair(lab);
  // Whose public key the host gets told; its own side is never looked at here.
  keys = new Map([["spark-2", `ssh-ed25519 ${Buffer.alloc(51, 7).toString("base64")}`]]);
});

beforeEach(async () => {
  await on(lab, host.name, `rm -rf ${home}/.ssh ${home}/dotfiles`);
});

afterAll(() => lab?.down());

/** Makes the host's key pair and its blocks. */
async function trust(): Promise<void> {
  keys.set(host.name, keyIn(await must(lab, host, "stage", pairDocument(lab, host))));
  expect(await operate(lab, host, "trust", trustDocument(lab, host, keys))).toMatchObject({ stderr: "", code: 0 });
}

const distrust = () => must(lab, host, "distrust", trustDocument(lab, host, keys));
/** What facts tell of the host's ~/.ssh. */
async function facts() {
  const { stdout } = await lab.exec(host.name, "runuser -u nvidia -- bash -s", {
    stdin: `${factsScript}\nfirst_pass\nend\n`,
  });
  return JSON.parse(stdout).trust;
}

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
    ".ssh/spark-mesh/lock f 644 nvidia:nvidia ",
    ".ssh/spark-mesh/original f 600 nvidia:nvidia ",
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
    peers: lab.hosts.map(({ name, hostKey }) => ({ host: name, hostKey })),
  });
  expect(await facts()).toMatchObject({
    stats: expect.arrayContaining([
      { path: "~/.ssh", mode: "700", owner: "nvidia", type: "directory" },
      { path: "~/.ssh/spark-mesh/id_ed25519", mode: "600", owner: "nvidia", type: "regular file" },
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
  const asRoot = async (operation: Operation, document: string) => {
    const { stdin } = operationCommand(lab, host, operation, document);
    const { stdout, stderr } = await lab.exec(host.name, `HOME=${home} exec bash -s root ${operation}`, { stdin });
    expect(stderr).toBe("");
    return stdout;
  };
  const before = [await sshFolder(lab, host.name), await on(lab, host.name, "ls -A /root")];
  keys.set(host.name, keyIn(await asRoot("stage", pairDocument(lab, host))));
  await asRoot("trust", trustDocument(lab, host, keys));
  expect(await on(lab, host.name, "cat /root/.ssh/config")).toBe(blocksOf(lab, host, keys).config.trim());
  expect(await on(lab, host.name, "stat -c '%a %U' /root/.ssh/spark-mesh/id_ed25519")).toBe("600 root");
  await asRoot("distrust", trustDocument(lab, host, keys));
  expect([await sshFolder(lab, host.name), await on(lab, host.name, "ls -A /root")]).toEqual(before);
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
  await on(lab, host.name, `cd ${home}/.ssh && chmod 0775 . && chmod 0664 authorized_keys && chmod 0640 known_hosts`);
  await on(
    lab,
    host.name,
    `cd ${home}/.ssh && chgrp sudo known_hosts && : >empty && chown nvidia: empty`,
  );
  const before = await sshFolder(lab, host.name);
  await trust();
  for (const [name, text] of Object.entries(blocksOf(lab, host, keys))) {
    expect(await read(name)).toBe(text + foreign[name as keyof typeof foreign]);
  }
  expect(await on(lab, host.name, `cd ${home}/.ssh && stat -c '%n %a %G' . authorized_keys known_hosts config`)).toBe(
    ". 755 nvidia\nauthorized_keys 644 nvidia\nknown_hosts 640 sudo\nconfig 600 nvidia",
  );
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
  await on(lab, host.name, `ln -s ../dotfiles/config ${home}/.ssh/config`);
  const state = () => on(lab, host.name, `cd ${home} && sha256sum dotfiles/config && ls -A dotfiles`);
  const before = [await sshFolder(lab, host.name), await state()];
  await trust();
  expect(await on(lab, host.name, `readlink ${home}/.ssh/config`)).toBe("../dotfiles/config");
  expect(await read("config")).toBe(blocksOf(lab, host, keys).config + foreign.config);
  await distrust();
  expect([await sshFolder(lab, host.name), await state()]).toEqual(before);
});

test("blocks are mended wherever they stand, and what was written meanwhile stays", async () => {
  await trust();
  const blocks = blocksOf(lab, host, keys);
  await on(
    lab,
    host.name,
    `cd ${home}/.ssh && sed -i '1i mine above' authorized_keys && printf 'mine below' >>authorized_keys &&
     sed -i /restrict/d authorized_keys && sed -i 's/^spark-2/spark-9/' known_hosts && rm config && chmod 0666 known_hosts && : >ssh`,
  );
  await trust();
  expect(await read("authorized_keys")).toBe(`${blocks.authorized_keys}mine above\nmine below`);
  expect(await read("known_hosts")).toBe(blocks.known_hosts);
  expect(await read("config")).toBe(blocks.config);
  expect(await on(lab, host.name, `stat -c %a ${home}/.ssh/known_hosts`)).toBe("644");
  await distrust();
  expect(await on(lab, host.name, `ls -A ${home}/.ssh`)).toBe("authorized_keys\nssh");
  expect(await read("authorized_keys")).toBe("mine above\nmine below");
});

test("nothing of ours is left where our folder was removed by hand", async () => {
  await write({ config: foreign.config });
  const before = await sshFolder(lab, host.name);
  await trust();
  await on(lab, host.name, `rm -rf ${home}/.ssh/spark-mesh`);
  await trust();
  await distrust();
  expect(await sshFolder(lab, host.name)).toBe(before);
});

describe("a new key pair", () => {
  const folder = `${home}/.ssh/spark-mesh`;
  test.each([
    ["is asked for", "touch rotate"],
    ["replaces one whose halves differ", "sed -i 's/AAAAI[A-Za-z0-9]/AAAAIA/; s/A .*/B /' id_ed25519.pub"],
    ["replaces one with a broken private half", "echo broken >id_ed25519"],
    ["replaces one without a public half", "rm id_ed25519.pub"],
    [
      "replaces one that others never heard of",
      "rm id_ed25519*; ssh-keygen -q -t ed25519 -N '' -f id_ed25519; chown nvidia: *",
    ],
    ["replaces one of another type", "rm id_ed25519*; ssh-keygen -q -t ecdsa -N '' -f id_ed25519; chown nvidia: *"],
  ])("%s", async (_, breakIt) => {
    await trust();
    const old = keys.get(host.name);
    await on(lab, host.name, `cd ${folder} && ${breakIt}`);
    await trust();
    expect(keys.get(host.name)).not.toBe(old);
    expect(await asUser(lab, host.name, `ssh-keygen -y -f ${folder}/id_ed25519`)).toContain(keys.get(host.name));
    expect(JSON.parse(await read("spark-mesh/record.json")).publicKey).toBe(keys.get(host.name));
    expect(await on(lab, host.name, `cd ${folder} && ls -A`)).toBe(
      "id_ed25519\nid_ed25519.pub\nlock\noriginal\nrecord.json",
    );
  });

  test("is not needed where only modes or the comment differ", async () => {
    await trust();
    const key = keys.get(host.name);
    const comment = `'$(touch /tmp/canary)' "two" ;rm -rf ~ \\\\`;
    await lab.exec(host.name, `cd ${folder} && chmod 0644 id_ed25519 && cat >id_ed25519.pub`, {
      stdin: `${key} ${comment}\nssh-ed25519 AAAAanother line\n`,
    });
    expect((await facts()).publicKey).toBe(key);
    await trust();
    expect(keys.get(host.name)).toBe(key);
    expect(await on(lab, host.name, `stat -c %a ${folder}/id_ed25519; ls /tmp/canary 2>/dev/null; true`)).toBe("600");
  });

  test("is not announced to peers before it is there", async () => {
    await trust();
    await on(lab, host.name, `rm -rf ${folder}`);
    const { code, message } = await operate(lab, host, "trust", trustDocument(lab, host, keys));
    expect(code).not.toBe(0);
    expect(message).toContain("spark-1: ~/.ssh/spark-mesh/id_ed25519: found another key pair than the one");
  });
});
