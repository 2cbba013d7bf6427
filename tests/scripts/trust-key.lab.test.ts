import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Lab, type LabHost } from "../../lab/hosts/lab";
import { inside } from "../inside";
import { installProgram, runProgram } from "./program";
import { asUser, emptyHomes, factsOf, home, strangersKey, trustHost, trustSpec } from "./trust";

const folder = `${home}/.ssh/spark-mesh`;

let lab: Lab;
let host: LabHost;
const keys = new Map([["spark-2", strangersKey]]);

beforeAll(async () => {
  const hosts = ["spark-1", "spark-2"].map((name) => ({ name, renderer: "networkd" as const }));
  lab = await Lab.up({ name: "test-trust-key", stackFile: false, fresh: true, wiring: "pair", hosts });
  [host] = lab.hosts as [LabHost];
  await emptyHomes(lab);
  await installProgram(lab);
});

beforeEach(async () => {
  await inside(lab, host.name, `rm -rf ${home}/.ssh`);
});

afterAll(() => lab?.down());

const trust = () => trustHost(lab, host, keys);

describe("a new key pair", () => {
  test.each([
    ["is asked for", "touch rotate"],
    ["replaces one whose halves differ", "sed -i -E 's/(AAAAI)A/\\1B/; t; s/(AAAAI)./\\1A/' id_ed25519.pub"],
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
    await inside(lab, host.name, `cd ${folder} && ${breakIt}`);
    await trust();
    expect(keys.get(host.name)).not.toBe(old);
    expect(await asUser(lab, host.name, `ssh-keygen -y -f ${folder}/id_ed25519`)).toContain(keys.get(host.name));
    expect(JSON.parse(await inside(lab, host.name, `cat ${folder}/record.json`)).publicKey).toBe(keys.get(host.name));
    expect(await inside(lab, host.name, `cd ${folder} && ls -A`)).toBe(
      "id_ed25519\nid_ed25519.pub\nlock\nmemory.json\nrecord.json",
    );
  });

  test("is not needed where only modes or the comment differ", async () => {
    await trust();
    const key = keys.get(host.name);
    const comment = `'$(touch /tmp/canary)' "two" ;rm -rf ~ \\\\`;
    await lab.exec(host.name, `cd ${folder} && chmod 0644 id_ed25519 && cat >id_ed25519.pub`, {
      stdin: `${key} ${comment}\nssh-ed25519 AAAAanother line\n`,
    });
    expect((await factsOf(lab, host)).publicKey).toBe(key);
    await trust();
    expect(keys.get(host.name)).toBe(key);
    expect(await inside(lab, host.name, `stat -c %a ${folder}/id_ed25519; ls /tmp/canary 2>/dev/null; true`)).toBe(
      "600",
    );
  });

  test("is not announced to peers before it is there", async () => {
    await trust();
    await inside(lab, host.name, `rm -rf ${folder}`);
    const { code, message } = await runProgram(lab, host, "trust", trustSpec(lab, host, keys));
    expect(code).not.toBe(0);
    expect(message).toContain("spark-1: ~/.ssh/spark-mesh/id_ed25519: found another key pair than the one");
  });
});
