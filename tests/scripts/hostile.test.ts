import { execFile } from "node:child_process";
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { scriptTexts } from "../../components/scriptTexts";
import type { ClusterConfig, HostConfig } from "../../config/cluster";
import { Faults } from "../../config/faults";
import { parseClusterConfig } from "../../config/load";
import type { Login } from "../../facts/hostFacts";
import { sshArguments } from "../../facts/sshArguments";
import { parseJump } from "../../facts/sshConfig";
import { renderDocument } from "../../plan/document";
import { renderStdin } from "../../plan/payload";
import { planMesh } from "../../plan/planMesh";
import { trustSpec } from "../../plan/spec/trust";
import { commonTrust, renderTrustSpec } from "../../plan/trust/trustSpec";
import { untrustedProbes } from "../plan/trust/trusted";

/** Made by a shell that takes data for code, in the folder where it runs. */
const CANARY = "canary";
const KEY = `ssh-ed25519 ${Buffer.concat([
  Buffer.from([0, 0, 0, 11]),
  Buffer.from("ssh-ed25519"),
  Buffer.from([0, 0, 0, 32]),
  Buffer.alloc(32, 7),
]).toString("base64")}`;

const CODE = [
  `$(touch ${CANARY})`,
  `\`touch ${CANARY}\``,
  `;touch ${CANARY};`,
  `|touch ${CANARY}`,
  `&touch\${IFS}${CANARY}&`,
  `\ntouch ${CANARY}\n`,
  `-oProxyCommand=touch\${IFS}${CANARY}`,
  `'$(touch ${CANARY})'`,
  `"$(touch ${CANARY})"`,
  `a[$(touch ${CANARY})]`,
];
const HARMLESS = [
  "spark-1",
  "a",
  "10.0.0.7",
  "0",
  "22",
  "/",
  ".",
  ":",
  "@",
  "-",
  "_",
  "~",
  "%h",
  "%",
  "é",
  " ",
  "\\",
  "'",
  '"',
];
const hostile = fc
  .array(fc.oneof(fc.constantFrom(...CODE), { arbitrary: fc.constantFrom(...HARMLESS), weight: 3 }), {
    minLength: 1,
    maxLength: 4,
  })
  .map((parts) => parts.join(""));

type Raw = Record<string, unknown>;
const first = (fields: Raw, more: Raw = {}): Raw => ({
  hosts: [1, 2, 3].map((number) => ({
    name: `spark-${number}`,
    address: `10.0.0.${10 + number}`,
    hostKey: KEY,
    ...(number === 1 && fields),
  })),
  ...more,
});

/** Every string of the stack config, and the config with it. */
const FIELDS: Readonly<Record<string, (text: string) => Raw>> = {
  "a host's name": (text) => first({ name: text }),
  "an address": (text) => first({ address: text }),
  "a user": (text) => first({ user: text }),
  "a key's path": (text) => first({ identityFile: text }),
  "a host key's comment": (text) => first({ hostKey: `${KEY} ${text}` }),
  "a management netdev": (text) => first({ managementInterface: text }),
  "a jump host": (text) => first({}, { ssh: { proxyJump: text } }),
  "a jump host's user": (text) => first({}, { ssh: { proxyJump: `${text}@bastion:22` } }),
  "everybody's user": (text) => first({}, { ssh: { user: text } }),
  "a switch": (text) => first({}, { cables: [1, 2, 3].map((number) => ({ from: `spark-${number}/0`, to: text })) }),
  "a port": (text) => first({}, { cables: [{ from: text, to: "spark-2/1" }] }),
  "a subnet": (text) => first({}, { network: { firstSubnet: text } }),
  "a netplan file": (text) => first({}, { network: { netplanFile: `/etc/netplan/${text}.yaml` } }),
  "a sudo password": (text) => first({}, { sudoPasswords: { "spark-1": text } }),
  "a deployment": (text) => first({}, { deployments: [{ name: text, recipe: text, overrides: { x: text } }] }),
  "an abandoned host": (text) => first({}, { abandon: [text] }),
};

describe("no shell takes for code what a stack config says of", () => {
  const folder = mkdtempSync(join(tmpdir(), "hostile-"));
  const bin = join(folder, "bin-");
  let path: string;

  beforeAll(() => {
    const stub = mkdtempSync(bin);
    // What ProxyCommand's shell starts: nobody is to be dialled.
    writeFileSync(join(stub, "ssh"), "#!/bin/sh\nexit 255\n");
    chmodSync(join(stub, "ssh"), 0o755);
    path = `${stub}:${process.env.PATH}`;
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each(Object.entries(FIELDS))("%s", async (_, configOf) => {
    await fc.assert(
      fc.asyncProperty(hostile, async (text) => {
        const cluster = judged(configOf(text));
        if (cluster === undefined) return;
        const place = mkdtempSync(join(folder, "run-"));
        const [host] = cluster.hosts;
        if (host === undefined) throw new Error("no host is left");
        await run("/usr/bin/ssh", [
          ...(await sshArguments(loginOf(host), host.name, place, host.ssh.identityFile)),
          "true",
        ]);
        for (const [program, document] of documentsOf(cluster)) {
          const reader = program.replace(/main "\$@"\n$/, "read_document; printf read\n");
          expect(await run("bash", ["-s"], `${reader}${document}`)).toBe("read");
        }
        const payload = Buffer.from("true").toString("base64");
        const { sudoPassword } = host;
        await run(
          "bash",
          ["-s", "user", "verify"],
          renderStdin(scriptTexts().loader, { sudoPassword, payload, transactions: "" }),
        );
        expect(readdirSync(place)).not.toContain(CANARY);

        /** Runs a program to its end, whatever that is, where a canary would be found. */
        function run(command: string, words: readonly string[], stdin = ""): Promise<string> {
          return new Promise((resolve) => {
            const child = execFile(command, [...words], { cwd: place, env: { PATH: path } }, (_, stdout) =>
              resolve(stdout),
            );
            child.stdin?.on("error", () => undefined);
            child.stdin?.end(stdin);
          });
        }
      }),
      { numRuns: 60 },
    );
  });
});

/** The config where it is accepted; a refusal shows nothing that would move a terminal's cursor. */
function judged(config: Raw): ClusterConfig | undefined {
  const raw = Object.fromEntries(
    Object.entries(config).map(([key, value]) => [`spark-mesh:${key}`, JSON.stringify(value)]),
  );
  try {
    return parseClusterConfig(raw, "/home/me", ["spark-mesh:sudoPasswords"]);
  } catch (error) {
    if (!(error instanceof Faults)) throw error;
    for (const line of error.lines) expect(line).not.toMatch(/\p{Cc}/u);
    return undefined;
  }
}

function loginOf({ address, ssh: { user = "nvidia", port = 22, hostKey = KEY, proxyJump } }: HostConfig): Login {
  const jump = proxyJump === undefined ? { name: "bastion" } : parseJump(proxyJump);
  return {
    ...{ address, user, port, hostKey },
    jump: { address: jump.name, user: jump.user ?? "nvidia", port: jump.port ?? 22, hostKey: KEY },
  };
}

/** The programs that read a document on a host, and every host's; none where there is no plan. */
function documentsOf(cluster: ClusterConfig): [string, string][] {
  const owner = { stack: "organization/spark-mesh/home", operator: "me@laptop backend 0badcafe" };
  const facts = [...untrustedProbes().values()];
  const probes = new Map(
    cluster.hosts.flatMap(({ name }, index) => (facts[index] ? [[name, facts[index]] as const] : [])),
  );
  const logins = new Map(cluster.hosts.map((host) => [host.name, loginOf(host)]));
  const { program } = scriptTexts();
  try {
    const plan = planMesh(cluster, probes, logins);
    const common = commonTrust(plan.hosts, new Map(plan.hosts.map(({ name }) => [name, KEY])));
    for (const { name, trust } of plan.hosts) {
      if (trust) trustSpec.parse(JSON.parse(renderTrustSpec(name, trust, common, owner.stack)));
    }
    return plan.hosts.map((host): [string, string] => [program, renderDocument(host, plan, owner, 180, [])]);
  } catch (error) {
    if (error instanceof Faults) return [];
    throw error;
  }
}
