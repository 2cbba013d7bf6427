import { execFileSync } from "node:child_process";
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { pinInKnownHosts, pinLine, withLine, withoutHost } from "../../cli/knownHosts";
import { Faults } from "../../config/faults";
import { linesOf } from "../../facts/hostKey";
import type { SshTarget } from "../../facts/sshConfig";

const OLD = `ssh-ed25519 ${"A".repeat(68)}`;
const NEW = `ssh-ed25519 ${"B".repeat(68)}`;
const RSA = "ssh-rsa AAAAB3NzaC1yc2E=";
let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "known-hosts-"));
  file = join(folder, "known_hosts");
});
afterEach(() => rmSync(folder, { recursive: true }));

const target = (more: Partial<SshTarget> = {}): SshTarget => ({
  hostname: "10.0.0.11",
  port: 22,
  user: "nvidia",
  hostKeyName: "10.0.0.11",
  knownHostsFiles: [file],
  ownKnownHostsFiles: [file],
  hashKnownHosts: false,
  ...more,
});
const latin1 = () => readFileSync(file, "latin1");

describe("a line", () => {
  it.each(["10.0.0.11", "[10.0.0.11]:2222", "spark-1"])("for %s is found by OpenSSH, plain and hashed", (name) => {
    for (const salt of [undefined, Buffer.alloc(20, 7)]) {
      writeFileSync(file, withLine("", pinLine(name, NEW, salt)));
      if (salt) expect(latin1()).not.toContain("10.0.0");
      expect(execFileSync("ssh-keygen", ["-F", name, "-f", file], { encoding: "utf8" })).toContain(NEW);
    }
  });

  it("is added after whatever is there, newline or not", () => {
    expect(withLine("a\nb", "c")).toBe("a\nb\nc\n");
    expect(withLine("a\nb\n", "c")).toBe("a\nb\nc\n");
    expect(withLine("", "c")).toBe("c\n");
  });
});

describe("a host's lines", () => {
  const without = async (text: string, name = "10.0.0.11") => {
    writeFileSync(file, text, "latin1");
    return withoutHost(text, name, await linesOf(file, name));
  };

  it("go, hashed ones too, and of several names only its own", async () => {
    const hashed = pinLine("10.0.0.11", OLD, Buffer.alloc(20, 9));
    const text = `# mine\n10.0.0.12 ${OLD}\n${hashed}\r\n 10.0.0.11,spark-1 ${RSA} caf\xe9\n\n10.0.0.11 ${OLD}\nlast ${OLD}`;
    expect(await without(text)).toBe(`# mine\n10.0.0.12 ${OLD}\n spark-1 ${RSA} caf\xe9\n\nlast ${OLD}`);
  });

  it("that a pattern covers are a fault", async () => {
    await expect(without(`10.0.0.* ${OLD}\n`)).rejects.toThrow("line 1: found 10.0.0.* for 10.0.0.11");
    await expect(without(`10.0.0.11,10.0.0.* ${OLD}\n`)).rejects.toThrow(Faults);
  });

  it("are a fault where the text is another one by now", async () => {
    writeFileSync(file, `10.0.0.11 ${OLD}\n`);
    const lines = await linesOf(file, "10.0.0.11");
    expect(() => withoutHost(`10.0.0.12 ${OLD}\n10.0.0.11 ${OLD}\n`, "10.0.0.11", lines)).toThrow("changed meanwhile");
  });
});

describe("a pin", () => {
  it("is one line more, once, in a file of the user's alone", async () => {
    expect(await pinInKnownHosts(target(), NEW, false)).toBe(file);
    expect(await pinInKnownHosts(target(), NEW, false)).toBe(file);
    expect(latin1()).toBe(`10.0.0.11 ${NEW}\n`);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it("is hashed where OpenSSH would hash it", async () => {
    writeFileSync(file, `x ${OLD}\n`);
    await pinInKnownHosts(target({ hashKnownHosts: true }), NEW, false);
    expect(latin1()).toMatch(new RegExp(`^x ${OLD}\n\\|1\\|[\\w+/=]{28}\\|[\\w+/=]{28} ${NEW}\n$`));
    expect(await linesOf(file, "10.0.0.11")).toMatchObject([{ line: 2, key: NEW }]);
  });

  it("takes the place of the old ones in all the user's files, and leaves what is revoked", async () => {
    const second = join(folder, "known_hosts2");
    writeFileSync(file, `@revoked 10.0.0.11 ${RSA}\n10.0.0.11 ${RSA}\n`);
    writeFileSync(second, `10.0.0.11 ${OLD}\nother ${OLD}\n`);
    await pinInKnownHosts(target({ ownKnownHostsFiles: [file, second] }), NEW, true);
    expect(latin1()).toBe(`@revoked 10.0.0.11 ${RSA}\n10.0.0.11 ${NEW}\n`);
    expect(readFileSync(second, "utf8")).toBe(`other ${OLD}\n`);
  });

  it("keeps the file's mode and a link to it", async () => {
    const real = join(folder, "real");
    writeFileSync(real, "");
    chmodSync(real, 0o640);
    symlinkSync(real, file);
    await pinInKnownHosts(target(), NEW, false);
    expect(readFileSync(real, "utf8")).toBe(`10.0.0.11 ${NEW}\n`);
    expect(statSync(real).mode & 0o777).toBe(0o640);
    expect(readdirSync(folder).sort()).toEqual(["known_hosts", "real"]);
  });

  it("is a fault where no file is there to take it, and then nothing has changed", async () => {
    for (const path of ["/dev/null", "none", "/home/%u/known_hosts"]) {
      await expect(pinInKnownHosts(target({ ownKnownHostsFiles: [path] }), NEW, false)).rejects.toThrow(path);
    }
    await expect(
      pinInKnownHosts(target({ ownKnownHostsFiles: ["/proc/nowhere/known_hosts"] }), NEW, false),
    ).rejects.toThrow(/found it not writable/);
    await expect(pinInKnownHosts(target({ ownKnownHostsFiles: [folder] }), NEW, false)).rejects.toThrow(Faults);
  });
});
