import { appendFileSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { parse } from "yaml";
import { removeStackFile, renderStackConfig, writeStackFile } from "../../lab/hosts/stack-config";

const hosts = [{ name: "spark-1", address: "10.200.7.11", hostKey: "ssh-ed25519 AAAA" }];

test("a new stack file has hosts with pinned keys, and the lab's client key", () => {
  expect(
    renderStackConfig("", hosts, "/lab/key"),
  ).toBe(`# Written by \`npm run lab -- up\`: the hosts and ssh keys follow the lab, the rest is yours.

config:
  spark-mesh:hosts:
    - name: spark-1
      address: 10.200.7.11
      hostKey: ssh-ed25519 AAAA
      user: nvidia
  spark-mesh:ssh:
    auth: key
    identityFile: /lab/key
`);
});

test("what else the file says stays", () => {
  const existing = `encryptionsalt: v1:abc
config:
  # mine
  spark-mesh:topology: ring
  spark-mesh:hosts: []
`;
  const text = renderStackConfig(existing, hosts, "/lab/key");
  expect(text).toContain("# mine\n");
  expect(parse(text)).toMatchObject({
    encryptionsalt: "v1:abc",
    config: { "spark-mesh:topology": "ring", "spark-mesh:hosts": [{ name: "spark-1" }] },
  });
  expect(renderStackConfig(text, hosts, "/lab/key")).toBe(text);
});

test("`down` takes the stack file along, unless somebody wrote more into it", () => {
  const dir = mkdtempSync(join(tmpdir(), "stack-config-"));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const path = join(dir, "Pulumi.lab.yaml");
  const text = writeStackFile(path, hosts, "/lab/key");
  appendFileSync(path, "encryptionsalt: v1:abc\n");
  removeStackFile(path, text);
  expect(existsSync(path)).toBe(true);
  removeStackFile(path, writeStackFile(path, hosts, "/lab/key"));
  expect(existsSync(path)).toBe(false);
});

test("what is no file is not written over", () => {
  expect(() => writeStackFile("/dev/null", hosts, "/lab/key")).toThrow("found /dev/null, which is no file");
});
