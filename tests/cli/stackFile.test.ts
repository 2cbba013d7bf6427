import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { pinInStackFile, readStackFile, writeStackFile } from "../../cli/stackFile";
import { Faults } from "../../config/faults";

const PRESENT = `# the cluster in the cellar
encryptionsalt: v1:abc=
config:
  # ours first
  spark-mesh:hosts:
    - name: spark-1 # the head
      address: 10.0.0.11
      number: 7
  spark-mesh:sudoPassword:
    secure: v1:xyz
  spark-mesh:cables:
    # the blue one
    - { from: spark-2/1, to: spark-1/0 }
    - { from: spark-1/1, to: spark-3/0 }
  spark-mesh:network: { mtu: 9000 } # jumbo
  other:key: kept
`;

describe("a stack's file", () => {
  it("is read as allConfig gives it, without what is encrypted", () => {
    const values = readStackFile(PRESENT, "Pulumi.home.yaml");
    expect(Object.keys(values)).toEqual(["spark-mesh:hosts", "spark-mesh:cables", "spark-mesh:network", "other:key"]);
    expect(JSON.parse(values["spark-mesh:hosts"] ?? "")).toEqual([
      { name: "spark-1", address: "10.0.0.11", number: 7 },
    ]);
    expect(values["other:key"]).toBe("kept");
  });

  it("has no empty list of hosts to be pasted over those that a stack has", () => {
    expect(writeStackFile("", { hosts: [], network: { mtu: 9000 } }, "stdout")).toBe(
      "config:\n  spark-mesh:network:\n    mtu: 9000\n",
    );
  });

  it("loses encrypted values inside a list or an object alone", () => {
    const text = "config:\n  spark-mesh:sudoPasswords:\n    spark-2: { secure: v1:x }\n    spark-3: plain\n";
    expect(readStackFile(text, "f")).toEqual({ "spark-mesh:sudoPasswords": '{"spark-3":"plain"}' });
    expect(readStackFile(text.replace("plain", "{ secure: v1:y }"), "f")).toEqual({});
  });

  it("keeps comments, order, secrets and entries that are there", () => {
    const written = writeStackFile(
      PRESENT,
      {
        hosts: [
          { name: "spark-1", address: "10.0.0.99" },
          { name: "spark-2", address: "10.0.0.12" },
        ],
        cables: [
          { from: "spark-1/0", to: "spark-2/1" },
          { from: "spark-1/1", to: "spark-2/0" },
        ],
        network: { netplanFile: "/etc/netplan/98-spark-vllm-docker.yaml" },
      },
      "Pulumi.home.yaml",
    );
    expect(written).toBe(
      PRESENT.replace("number: 7\n", "number: 7\n    - name: spark-2\n      address: 10.0.0.12\n")
        .replace("to: spark-3/0", "to: spark-2/0")
        .replace("mtu: 9000", "mtu: 9000, netplanFile: /etc/netplan/98-spark-vllm-docker.yaml"),
    );
  });

  it("writes addresses into a cable that is there, and nothing where nothing changes", () => {
    const cables = [{ from: "spark-1/0", to: "spark-2/1", subnets: ["10.0.1.0/24", "10.0.2.0/24"] }];
    const once = writeStackFile(PRESENT, { hosts: [], cables }, "f");
    expect(once).toContain("{ from: spark-2/1, to: spark-1/0, subnets: [ 10.0.1.0/24, 10.0.2.0/24 ] }");
    expect(writeStackFile(once, { hosts: [], cables }, "f")).toBe(once);
  });

  it("gets a host key pinned, and keeps all else", () => {
    const key = "ssh-ed25519 AAAA";
    const pinned = pinInStackFile(PRESENT, "spark-1", key, "f");
    expect(pinned).toBe(PRESENT.replace("number: 7\n", `number: 7\n      hostKey: ${key}\n`));
    expect(pinInStackFile(pinned, "spark-1", "ssh-ed25519 BBBB", "f")).toBe(pinned.replace("AAAA", "BBBB"));
    expect(pinInStackFile("config:\n  spark-mesh:hosts: [{ name: a, address: b }] # x\n", "a", key, "f")).toBe(
      `config:\n  spark-mesh:hosts: [ { name: a, address: b, hostKey: ${key} } ] # x\n`,
    );
    const example = readFileSync(join(__dirname, "../../Pulumi.example.yaml"), "utf8");
    const filled = ["spark-1", "spark-2"].reduce(
      (text, host) => pinInStackFile(text, host, "ssh-ed25519 C", "f"),
      example,
    );
    // A comment behind a list's key goes on a line of its own.
    const expected = example
      .replace("hosts: # in rank order", "hosts:\n    # in rank order")
      .replace("      # hostKey:", "      hostKey: ssh-ed25519 C\n      # hostKey:")
      .replace("    - name: spark-3", "      hostKey: ssh-ed25519 C\n    - name: spark-3");
    expect(filled).toBe(expected);
  });

  it("has no host key pinned for a host that isn't in its list", () => {
    expect(() => pinInStackFile(PRESENT, "spark-9", "key", "Pulumi.home.yaml")).toThrow(
      /Pulumi\.home\.yaml.*\n.*spark-9/,
    );
    expect(() => pinInStackFile("config:\n  spark-mesh:hosts: '[]'\n", "spark-1", "key", "f")).toThrow(Faults);
  });

  it("is made where there is none", () => {
    const written = writeStackFile("", { hosts: [{ name: "spark-1", address: "10.0.0.11" }] }, "f");
    expect(written).toBe("config:\n  spark-mesh:hosts:\n    - name: spark-1\n      address: 10.0.0.11\n");
  });

  it("is left alone where it is none", () => {
    expect(() => writeStackFile("config: [", { hosts: [] }, "Pulumi.home.yaml")).toThrow(Faults);
    expect(() => writeStackFile("- a\n", { hosts: [] }, "Pulumi.home.yaml")).toThrow(/Pulumi\.home\.yaml/);
    expect(() => readStackFile("config: [", "Pulumi.home.yaml")).toThrow(Faults);
  });

  it("gets the login where it has none", () => {
    const block = { hosts: [], ssh: { identityFile: "/k" } };
    expect(writeStackFile("", block, "f")).toContain("  spark-mesh:ssh:\n    identityFile: /k\n");
    const own = "config:\n  spark-mesh:ssh: { auth: agent }\n";
    expect(writeStackFile(own, block, "f")).toContain("  spark-mesh:ssh: { auth: agent }\n");
    expect(writeStackFile("", { ...block, ssh: {} }, "f")).not.toContain("ssh");
  });
});

describe("what was added to the end of a file that Pulumi has written", () => {
  const SALTED = "config:\n  spark-mesh:topology: ring\nencryptionsalt: v1:abc\n";

  it.each([
    ["  spark-mesh:hosts:\n    - { name: a, address: 10.0.0.1 }\n", /it stands below encryptionsalt, .*under config:/],
    ["spark-mesh:trust: false\n", /spark-mesh:trust: found beside config:, .*under config:/],
  ])("%j is said to be in the wrong place", (added, why) => {
    expect(() => readStackFile(`${SALTED}${added}`, "Pulumi.home.yaml")).toThrow(why);
  });

  it("is no matter where the mistake is above it", () => {
    const wrong = SALTED.replace("ring", "[ring");
    expect(() => readStackFile(wrong, "Pulumi.home.yaml")).toThrow(/^1 fault in Pulumi.home.yaml:\n(?!.*below)/);
  });
});
