import { expect, it } from "vitest";
import { parseFirstPass, withSecondPass } from "../../facts/parse";
import { earlyoomFile, type SystemFacts, sudoersFile, systemNeedsSudo } from "../../facts/system";
import fresh from "./fixtures/fresh.json";

const stat = { path: sudoersFile, mode: "440", owner: "root:root", size: 9, inode: 7, ctime: "5.000000001" };
const drop = { ...stat, path: "/etc/systemd/logind.conf.d/90-spark-mesh.conf", mode: "644" };
const record = {
  version: 1 as const,
  host: "spark-1",
  stack: "s",
  transaction: "t",
  digest: "d",
  program: "1".repeat(64),
  spec: "p",
  files: [{ ...stat, sha256: "0" }],
};
const none = { dockerGroup: false, sudoers: false, removeIpc: true, earlyoom: false };
const all = { dockerGroup: true, sudoers: true, removeIpc: false, earlyoom: true };
const base64 = (text: string) => Buffer.from(text).toString("base64");

function parse(change: object) {
  return parseFirstPass("spark-1", JSON.stringify({ ...fresh, system: { ...fresh.system, ...change } })).facts;
}

it("tells what was seen from what could not be", () => {
  expect(parse({}).system).toEqual({ user: "nvidia", sudoers: "absent", programs: [] });
  expect(parse({ docker: false, sudoers: null }).system).toEqual({ user: "nvidia", inDocker: false, programs: [] });
  const made = {
    docker: true,
    sudoers: [stat],
    logind: [{ ...drop, contents: base64("[Login]\n") }],
    keepsIpc: true,
    record: JSON.stringify(record),
  };
  expect(parse(made).system).toEqual({
    user: "nvidia",
    inDocker: true,
    sudoers: stat,
    logind: { ...drop, text: "[Login]\n" },
    keepsIpc: true,
    programs: [],
    record,
  });
});

it("tells earlyoom that is installed from one that isn't, and what was asked from what was not", () => {
  const earlyoomOf = (earlyoom: object | null) => parse({ earlyoom }).system.earlyoom;
  expect(earlyoomOf(null)).toBeUndefined();
  expect(earlyoomOf({ dropIn: [], active: "", enabled: "" })).toEqual({});
  const dropIn = { ...drop, path: earlyoomFile };
  const seen = { dropIn: [{ ...dropIn, contents: base64("[Service]\n") }], active: "failed", enabled: "disabled" };
  expect(earlyoomOf(seen)).toEqual({
    dropIn: { ...dropIn, text: "[Service]\n" },
    active: "failed",
    enabled: "disabled",
  });
});

it("takes the sudoers file from root where root was asked", () => {
  const second = {
    sparkMeshFacts: 1,
    sudo: "passwordless",
    files: [],
    answered: [],
    looked: [],
    neighbours: [],
  };
  const seen = (sudoers: object[] | null) =>
    withSecondPass("spark-1", parse({ sudoers: null }), false, JSON.stringify({ ...second, sudoers })).system.sudoers;
  expect(seen([{ ...stat, contents: base64("x\n") }])).toEqual({ ...stat, text: "x\n" });
  expect(seen([])).toBe("absent");
  expect(seen(null)).toBeUndefined();
});

it("says where its record is, if that is damaged", () => {
  expect(() => parse({ record: "{" })).toThrow(
    "spark-1: /var/lib/spark-mesh/system/record.json is damaged (no JSON); move it away",
  );
});

const programs = [{ digest: "1".repeat(64), intact: true, ctime: "1" }];

it("tells the host's program that is as it was installed from one that is altered", () => {
  const path = `/var/lib/spark-mesh/program-${"1".repeat(64)}`;
  const file = { path, mode: "755", owner: "root:root", size: 9, inode: 7, ctime: "1" };
  const seen = (change: object, sum: string) =>
    parse({ programs: { files: [{ ...file, ...change }], sums: [sum] } }).system.programs;
  expect(seen({}, "1".repeat(64))).toEqual(programs);
  for (const [change, sum] of [
    [{}, "2".repeat(64)],
    [{ mode: "775" }, "1".repeat(64)],
    [{ owner: "nvidia:nvidia" }, "1".repeat(64)],
  ] as const) {
    expect(seen(change, sum)).toEqual([{ ...programs[0], intact: false }]);
  }
});

it.each<[string, SystemFacts, typeof all, boolean]>([
  ["nothing is declared", { user: "nvidia", programs }, none, false],
  ["no program of ours", { user: "nvidia", programs: [] }, none, true],
  ["an altered program", { user: "nvidia", programs: programs.map((one) => ({ ...one, intact: false })) }, none, true],
  ["a first visit", { user: "nvidia", sudoers: "absent", programs }, all, true],
  ["a file as recorded", { user: "nvidia", sudoers: stat, programs, record }, all, false],
  ["another stat than recorded", { user: "nvidia", sudoers: { ...stat, ctime: "6.0" }, programs, record }, all, true],
  ["a folder that can't be searched", { user: "nvidia", programs, record }, all, true],
  ["a file that is gone for all to see", { user: "nvidia", sudoers: "absent", programs, record }, all, false],
  ["no file of ours", { user: "nvidia", programs, record: { ...record, files: [] } }, all, false],
])("asks root or not: %s", (_title, facts, wish, asks) => expect(systemNeedsSudo(facts, wish)).toBe(asks));
