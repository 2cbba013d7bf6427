import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { moveOut } from "../../../plan/netplan/moveOut";

const out = (text: string, ...ids: string[]) => moveOut(text, new Set(ids));
const FABRIC = ["enp1s0f0np0", "enP2p1s0f0np0"];

const DEFINITIONS = `    enp1s0f0np0:
      dhcp4: no
      addresses: [192.168.177.11/24]   # first
    "enP2p1s0f0np0":
      # below it
      addresses:
        - 192.168.178.11/24

      # still below it
`;

const house = (definitions: string) => `# The house's file
network:
  version: 2   # always
  renderer: NetworkManager

  ethernets:
    # management
    enP7s7:
      dhcp4: yes   # from the router
      addresses: [ "10.0.0.5/24",   10.0.0.6/24 ]

${definitions}    # the end of all

  # at home
  wifis:
    wlP9s9: { access-points: { 'home # net': {password: "a: b"} } }
# last word
`;

describe("moveOut", () => {
  it("takes the definitions and what is in them, and leaves every other byte", () => {
    const [before, after] = [house(DEFINITIONS), house("")];
    expect(out(before, ...FABRIC)).toBe(after);
    const windows = (text: string) => text.replaceAll("\n", "\r\n");
    expect(out(windows(before), ...FABRIC)).toBe(windows(after));
    expect(out(before, "enp9s9")).toBe(before);
  });

  it.each([
    ["first", "network: { ethernets: { enp1s0f0np0: { mtu: 9000 }, b: {} } }", "network: { ethernets: { b: {} } }"],
    ["last", "network: {ethernets: {b: {},\n  enp1s0f0np0: {mtu: 1}}}", "network: {ethernets: {b: {}}}"],
    [
      "both, one between",
      "network: { ethernets: { enp1s0f0np0: {}, b: {}, enP2p1s0f0np0: {} } }",
      "network: { ethernets: { b: {} } }",
    ],
    ["all, something beside", "network: { ethernets: { enp1s0f0np0: {} }, renderer: x }", "network: { renderer: x }"],
    ["in a block", "network:\n  ethernets: { enp1s0f0np0: {}, b: {} }\n", "network:\n  ethernets: { b: {} }\n"],
  ])("knows flow style: %s", (_, text, left) => {
    expect(out(text, ...FABRIC)).toBe(left);
  });

  it("takes `ethernets:` too where nothing is left in it, which netplan would refuse", () => {
    const text = "network:\n  ethernets:\n    enp1s0f0np0:\n      mtu: 9000\n  bonds:\n    b: {}\n";
    expect(out(text, ...FABRIC)).toBe("network:\n  bonds:\n    b: {}\n");
  });

  it("knows definitions without a word in them, block texts and a file without a last newline", () => {
    expect(out("network:\n  ethernets:\n    enp1s0f0np0: # empty\n    b: {}\n", ...FABRIC)).toBe(
      "network:\n  ethernets:\n    b: {}\n",
    );
    const block = "network:\n  ethernets:\n    enp1s0f0np0:\n      x: |\n        one\n        two\n    b: {}\n";
    expect(out(block, ...FABRIC)).toBe("network:\n  ethernets:\n    b: {}\n");
    expect(out("network:\n  ethernets:\n    b: {}\n    enp1s0f0np0: {}", ...FABRIC)).toBe(
      "network:\n  ethernets:\n    b: {}\n",
    );
  });

  it("says that the file can go where nothing but the version is left", () => {
    expect(out("# note\nnetwork:\n  version: 2\n  ethernets:\n    enp1s0f0np0: {}\n", ...FABRIC)).toBe("");
    expect(out("network: { ethernets: { enp1s0f0np0: {}, enP2p1s0f0np0: {} } }\n", ...FABRIC)).toBe("");
  });

  it("keeps to what it understands", () => {
    const cases = [
      "network: [",
      "network:\n  ethernets:\n    enp1s0f0np0: &a { mtu: 1 }\n    b: *a\n",
      "x: &e { enp1s0f0np0: {}, b: {} }\nnetwork: { ethernets: *e }\n",
      "network:\n  ethernets:\n    <<: { enp1s0f0np0: {} }\n    b: {}\n",
      "network:\n  ethernets:\n    ? enp1s0f0np0\n    : { mtu: 1 }\n    b: {}\n",
    ];
    expect(cases.map((text) => out(text, ...FABRIC))).toEqual(cases.map(() => undefined));
  });

  it("moves each of two definitions of the same name", () => {
    const twice = "network:\n  ethernets:\n    enp1s0f0np0: {}\n    b: {}\n    enp1s0f0np0: { mtu: 1 }\n";
    expect(parse(out(twice, ...FABRIC) ?? "")).toEqual({ network: { ethernets: { b: {} } } });
  });
});
