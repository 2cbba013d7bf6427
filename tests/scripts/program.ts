import { type OperationName, operationStdin, operationTexts, readAnswer } from "../../components/operations";
import { hostProgram } from "../../host/program";
import type { Lab, LabHost } from "../../lab/hosts/lab";
import { run } from "../../lab/hosts/process";
import type { Result } from "./operations";

/** One operation of the host program as apply runs it: over SSH, with the loader and the spec in stdin. */
export function programCommand(
  lab: Lab,
  host: LabHost,
  operation: OperationName,
  spec: string,
): { readonly command: readonly [string, ...string[]]; readonly stdin: string } {
  const { create, asRoot } = operationTexts(operation);
  const program = operation === "install" ? hostProgram().digest : "newest";
  const sudoPassword = asRoot ? host.sudoPassword : undefined;
  return {
    command: lab.sshCommand(host.name, [create]),
    stdin: operationStdin({ sudoPassword, host: host.name, program, spec }),
  };
}

/** Runs one operation to its end, whatever its end. */
export async function runProgram(...call: Parameters<typeof programCommand>): Promise<Result> {
  const { command, stdin } = programCommand(...call);
  const began = performance.now();
  const { code, stdout, stderr } = await run(command, { stdin, timeoutSeconds: 300 });
  const message = stderr.trimEnd().split("\n").at(-1) ?? "";
  return { code, stdout, stderr, message, seconds: (performance.now() - began) / 1000 };
}

/** Runs an operation that has to succeed without a word, and returns what it answered. */
export async function mustRun(...call: Parameters<typeof runProgram>): Promise<Readonly<Record<string, unknown>>> {
  const { code, stdout, stderr } = await runProgram(...call);
  if (code !== 0 || stderr !== "") throw new Error(`${call[1].name}: ${call[2]}: exit status ${code}: ${stderr}`);
  return readAnswer(stdout);
}

/** Brings the program to hosts, by default to all. */
export async function installProgram(lab: Lab, hosts: readonly LabHost[] = lab.hosts): Promise<void> {
  await Promise.all(hosts.map((host) => mustRun(lab, host, "install", hostProgram().base64)));
}
