import { expect, it } from "vitest";
import { parseFirstPass } from "../../facts/parse";
import { installedTrust, NO_TRUST } from "../../lab/bench/playedTrust";
import fresh from "./fixtures/fresh.json";

const IDENTITY = {
  host: "spark-1",
  user: "nvidia",
  port: 22,
  hostKey: "ssh-ed25519 AAAA",
  names: ["10.0.0.11", "fd00::1", "spark-1.local"],
  publicKey: "ssh-ed25519 BBBB",
};
const installed = (peers: readonly (typeof IDENTITY)[] = [IDENTITY]) =>
  installedTrust(
    JSON.stringify({
      host: "spark-1",
      stack: "a/b/c",
      public_key: "ssh-ed25519 BBBB",
      blocks: NO_TRUST.blocks,
      peers: peers.map(({ hostKey, publicKey, ...others }) => ({
        ...others,
        host_key: hostKey,
        public_key: publicKey,
      })),
    }),
  );
const trustOf = (trust: unknown) => parseFirstPass("spark-1", JSON.stringify({ ...fresh, trust })).facts.trust;

it("knows nothing of hosts that say nothing of ~/.ssh", () => {
  expect(parseFirstPass("spark-1", JSON.stringify(fresh)).facts.trust).toBeUndefined();
  expect(trustOf(null)).toBeUndefined();
});

it("has no key and no record on a first visit", () => {
  const { publicKey: _, record: __, ...others } = NO_TRUST;
  expect(trustOf(NO_TRUST)).toEqual(others);
});

it("reads the record as it was written", () => {
  const record = { version: 1, host: "spark-1", stack: "a/b/c", publicKey: "ssh-ed25519 BBBB", peers: [IDENTITY] };
  expect(trustOf(installed())?.record).toEqual(record);
});

it.each([
  ["no JSON", "{"],
  ["another shape", '{"version":1}'],
  ["unreadable", false],
])("calls a record damaged that is %s", (_title, record) => {
  expect(trustOf({ ...installed(), record })?.record).toBe("damaged");
});

it("tells a later release's record from a damaged one", () => {
  expect(trustOf({ ...installed(), record: '{"version":2}' })?.record).toBe("newer");
});

it.each([
  ["host", "-oProxyCommand=reboot"],
  ["host", "a b"],
  ["user", "root\n  ProxyCommand reboot"],
  ["port", 22.5],
  ["hostKey", "ssh-ed25519 AAAA\nMatch all"],
  ["publicKey", 'ssh-rsa AAAA" command="reboot'],
  ["names", ["10.0.0.1 *"]],
  ["names", ["$(reboot)"]],
  ["names", ["-oProxyCommand=reboot"]],
])("believes no record with a %s that is %j", (key, value) => {
  expect(trustOf(installed([{ ...IDENTITY, [key]: value }]))?.record).toBe("damaged");
});

it.each(["ssh-rsa AAAA", "ssh-ed25519 AAAA more", "ssh-ed25519 A\nB", ""])("takes %j for no key", (publicKey) => {
  expect(trustOf({ ...installed(), publicKey })).not.toHaveProperty("publicKey");
});
