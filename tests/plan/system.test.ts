import { describe, expect, it } from "vitest";
import type { ClusterConfig, SystemConfig } from "../../config/cluster";
import type { Probe } from "../../facts/hostFacts";
import { earlyoomFile, logindFile, type SystemFacts, sudoersFile } from "../../facts/system";
import { sha256 } from "../../plan/digest";
import type { Plan } from "../../plan/plan";
import { planMesh } from "../../plan/planMesh";
import { renderSystemSpec } from "../../plan/systemSpec";
import { change, cluster, faults, freshProbes, PROGRAM, settledProbes } from "./hosts";

const DECLARED: SystemConfig = { dockerGroup: true, sudoers: true, removeIpc: false, earlyoom: true };
const OWNER = { stack: "organization/spark-mesh/home", operator: "me@laptop" };
const declared = (system: Partial<SystemConfig> = {}) => cluster({ system: { ...DECLARED, ...system } });
const file = (path: string, mode: string, text: string) => ({
  path,
  mode,
  owner: "root:root",
  size: text.length,
  inode: 7,
  ctime: "1700000000.0",
  text,
});
const SUDOERS = file(sudoersFile, "440", "rule\n");
const LOGIND = file(logindFile, "644", "RemoveIPC=no\n");
const DROP_IN = file(earlyoomFile, "644", "[Service]\n");
const EARLYOOM = { dropIn: DROP_IN, active: "active", enabled: "enabled" };

/** Every host with its network settled, and its system as a run of this plan left it. */
function made(config: ClusterConfig = declared()): Map<string, Probe> {
  const plan = planMesh(config, settledNetwork(config));
  return plan.hosts.reduce((probes, { name, system }) => {
    if (!system) throw new Error(`${name}: nothing is declared`);
    const files = [SUDOERS, LOGIND, DROP_IN].map(({ text, ...stat }) => ({ ...stat, sha256: sha256(text) }));
    const { stack } = OWNER;
    const record = {
      version: 1 as const,
      host: name,
      stack,
      transaction: "20261101T100000Z-1",
      digest: system.digest,
      program: PROGRAM.digest,
      spec: "{}",
      files,
    };
    const { text: _, ...sudoers } = SUDOERS;
    return editSystem(probes, name, {
      inDocker: true,
      sudoers,
      logind: LOGIND,
      keepsIpc: true,
      earlyoom: EARLYOOM,
      record,
    });
  }, settledNetwork(config));
}

function settledNetwork(config: ClusterConfig): Map<string, Probe> {
  const member = (probes: Map<string, Probe>) =>
    ["spark-1", "spark-2", "spark-3"].reduce(
      (all, host) => editSystem(all, host, { inDocker: false, earlyoom: {} }),
      probes,
    );
  const fresh = member(freshProbes());
  return settledProbes(planMesh(config, fresh), fresh);
}

function editSystem(probes: Map<string, Probe>, host: string, system: Partial<SystemFacts>): Map<string, Probe> {
  return change(probes, host, (facts) => ({ ...facts, system: { ...facts.system, ...system } }));
}

function systemOf(plan: Plan, host = "spark-2") {
  const system = plan.hosts.find(({ name }) => name === host)?.system;
  if (!system) throw new Error(`${host} has no system`);
  return system;
}

const states = (plan: Plan) => plan.hosts.map(({ state, system }) => `${state} ${system?.state}`);

it("plans nothing where nothing is declared, whatever a host remembers", () => {
  const plan = planMesh(cluster(), made());
  expect(plan.hosts.map(({ system }) => system)).toEqual([undefined, undefined, undefined]);
});

it("is due on a first visit without any drift, and settled as it was made", () => {
  const first = planMesh(declared(), settledNetwork(declared()));
  expect(states(first)).toEqual(Array(3).fill("settled due"));
  expect(systemOf(first)).toMatchObject({ differences: [], note: expect.stringMatching(/^first visit, files=/) });
  const plan = planMesh(declared(), made());
  expect(states(plan)).toEqual(Array(3).fill("settled settled"));
  expect(systemOf(plan)).toMatchObject({
    user: "nvidia",
    note: "",
    committed: { spec: "{}", program: PROGRAM.digest },
  });
});

it.each<Partial<SystemConfig>>([{ dockerGroup: false }, { sudoers: false }, { removeIpc: true }, { earlyoom: false }])(
  "is due without drift where the wish changed: %o",
  (wish) => {
    const system = systemOf(planMesh(declared(wish), made()));
    expect(system).toMatchObject({
      state: "due",
      differences: [],
      note: expect.stringMatching(/^the wish changed, last=/),
    });
  },
);

it("is due where somebody else logs in now", () => {
  const system = systemOf(planMesh(declared(), editSystem(made(), "spark-2", { user: "admin", inDocker: false })));
  expect(system).toMatchObject({ state: "due", user: "admin", differences: [] });
});

describe("drift", () => {
  const found = (edit: Partial<SystemFacts>) => {
    const plan = planMesh(declared(), editSystem(made(), "spark-2", edit));
    expect(states(plan).filter((state) => state === "settled settled")).toHaveLength(2);
    return systemOf(plan).differences.map((one) => `${one.object}: ${one.property}: ${one.found}, ${one.wanted}`);
  };
  it.each<[Partial<SystemFacts>, string]>([
    [{ inDocker: false }, "group docker: nvidia: no member, member"],
    [{ sudoers: "absent" }, `${sudoersFile}: file: missing, present`],
    [{ sudoers: { ...SUDOERS, mode: "644" } }, `${sudoersFile}: mode: 644, 440`],
    [{ sudoers: { ...SUDOERS, owner: "nvidia:root" } }, `${sudoersFile}: owner: nvidia:root, root:root`],
    [
      { sudoers: { ...SUDOERS, text: "more\n" } },
      `${sudoersFile}: text: changed since the last run, as it was written`,
    ],
    [{ logind: { ...LOGIND, text: "" } }, `${logindFile}: text: changed since the last run, as it was written`],
    [{ keepsIpc: false }, "logind: RemoveIPC: yes, no"],
    [
      { earlyoom: { ...EARLYOOM, dropIn: { ...DROP_IN, text: "" } } },
      `${earlyoomFile}: text: changed since the last run, as it was written`,
    ],
    [{ earlyoom: { ...EARLYOOM, dropIn: { ...DROP_IN, mode: "600" } } }, `${earlyoomFile}: mode: 600, 644`],
    [{ earlyoom: {} }, `${earlyoomFile}: file: missing, present`],
    [{ earlyoom: { ...EARLYOOM, active: "inactive" } }, "earlyoom.service: state: inactive, active"],
    [{ earlyoom: { ...EARLYOOM, enabled: "disabled" } }, "earlyoom.service: at boot: disabled, enabled"],
  ])("%o is said", (edit, said) => expect(found(edit)).toEqual([said]));

  it("of a file that can't be read is said, and an equal text with another stat is none", () => {
    const { text: _, ...unread } = { ...SUDOERS, ctime: "1700000001.0" };
    expect(found({ sudoers: unread })).toHaveLength(1);
    const touched = editSystem(made(), "spark-2", { sudoers: { ...SUDOERS, ctime: "1700000001.0" } });
    expect(systemOf(planMesh(declared(), touched)).state).toBe("settled");
  });

  it("of the drop-in gone is said", () => {
    const probes = change(made(), "spark-2", (facts) => {
      const { logind: _, keepsIpc: __, ...system } = facts.system;
      return { ...facts, system };
    });
    expect(systemOf(planMesh(declared(), probes)).differences).toMatchObject([
      { object: logindFile, found: "missing" },
    ]);
  });

  it("is in the note with the last run's id, and in no shell's way", () => {
    const plan = planMesh(declared(), editSystem(made(), "spark-2", { inDocker: false }));
    expect(systemOf(plan).note).toBe("group docker nvidia=no member wanted member, last=20261101T100000Z-1");
  });
});

it("needs sudo where the file that spared it is gone", () => {
  const probes = change(made(), "spark-2", (facts) => {
    const { sudoers: _, ...system } = facts.system;
    return { ...facts, sudo: "refused", system };
  });
  expect(faults(probes, declared())).toEqual([expect.stringMatching(/^spark-2: passwordless sudo not available; set/)]);
});

it("says what can't be: no group docker, a user of a strange name", () => {
  const probes = change(settledNetwork(declared()), "spark-3", (facts) => ({
    ...facts,
    system: { user: 'x\nuser "root"', sudoers: "absent" as const, earlyoom: {}, programs: [PROGRAM] },
  }));
  expect(faults(probes, declared())).toEqual([
    expect.stringMatching(/^spark-3: login user: found "x\\nuser \\"root\\""; allowed: letters/),
    "spark-3: there is no group docker; install Docker, or take dockerGroup out of spark-mesh:system",
  ]);
});

it("asks for earlyoom where it is declared and not installed", () => {
  const probes = change(settledNetwork(declared()), "spark-2", (facts) => {
    const { earlyoom: _, ...system } = facts.system;
    return { ...facts, system };
  });
  expect(faults(probes, declared())).toEqual([
    "spark-2: earlyoom: found not installed, wanted installed; sudo apt install earlyoom, or take earlyoom out of spark-mesh:system",
  ]);
});

it("calls what has no earlyoom in it as releases did that knew none", () => {
  const { digest } = systemOf(planMesh(declared({ earlyoom: false, sudoers: false }), made()));
  expect(digest).toBe(sha256('{"dockerGroup":true,"operations":[],"removeIpc":false,"sudoers":false,"user":"nvidia"}'));
});

it("leaves hosts alone that can't be asked", () => {
  const probes = new Map(made()).set("spark-2", { kind: "unreachable", reason: "no route to host" });
  expect(states(planMesh(declared(), probes))).toEqual(["settled settled", "unknown unknown", "settled settled"]);
  const abandoned = { ...declared(), abandon: ["spark-2"] };
  expect(systemOf(planMesh(abandoned, made())).state).toBe("abandoned");
});

it("renders each thing that is declared", () => {
  const system = systemOf(planMesh(declared(), made()));
  const spec = { host: "spark-2", ...OWNER, program: PROGRAM.digest, user: "nvidia", docker_group: true };
  expect(JSON.parse(renderSystemSpec("spark-2", system, OWNER, PROGRAM.digest))).toEqual({
    ...spec,
    digest: system.digest,
    sudo_operations: ["system", "unsystem", "leave"],
    sudo_scripts: ["facts", "install", "stage", "commit", "undo", "release", "deploy", "undeploy"],
    remove_ipc: false,
    earlyoom:
      "-m 4,2 -s 100,100 -r 3600 --prefer ^(vllm|VLLM::|ray::) --avoid ^(sshd|systemd|dockerd|containerd|dbus-daemon|NetworkManager)",
  });
  const one = systemOf(
    planMesh(declared({ sudoers: false, removeIpc: true, earlyoom: false }), settledNetwork(declared())),
  );
  expect(JSON.parse(renderSystemSpec("spark-2", one, OWNER, PROGRAM.digest))).toEqual({
    ...spec,
    digest: one.digest,
    sudo_operations: [],
    sudo_scripts: [],
    remove_ipc: true,
    earlyoom: null,
  });
});

const withProgram = (probes: Map<string, Probe>, programs: SystemFacts["programs"]) =>
  editSystem(probes, "spark-2", { programs });

it.each([
  ["missing", []],
  ["altered", [{ ...PROGRAM, intact: false }]],
])("is out of sync where the program that made it is %s, and the program is", (found, programs) => {
  const plan = planMesh(declared(), withProgram(made(), programs), new Map(), "2".repeat(64));
  expect(plan.hosts.map(({ program, system }) => `${program?.state} ${system?.state}`)).toEqual([
    "settled settled",
    "due due",
    "settled settled",
  ]);
  expect(plan.hosts[1]?.program?.differences).toEqual([
    {
      host: "spark-2",
      object: `/var/lib/spark-mesh/program-${PROGRAM.digest}`,
      property: "file",
      found,
      wanted: "as it was installed",
    },
  ]);
});

it("has the program alone come again where it is this release's", () => {
  const plan = planMesh(declared(), withProgram(made(), []), new Map(), PROGRAM.digest);
  expect(plan.hosts.map(({ program, system }) => `${program?.state} ${system?.state}`)).toEqual([
    "settled settled",
    "due settled",
    "settled settled",
  ]);
});

it("has this release's program come where something is due that it does, and only there", () => {
  const drift = editSystem(made(), "spark-2", { inDocker: false });
  const states = (release: string) =>
    planMesh(declared(), drift, new Map(), release).hosts.map(({ program }) => program?.state);
  expect(states("2".repeat(64))).toEqual(["settled", "due", "settled"]);
  expect(states(PROGRAM.digest)).toEqual(["settled", "settled", "settled"]);
});
