import type { HostFacts } from "../facts/hostFacts";
import { differencesAbout } from "./difference";
import { programNoteOf } from "./note";
import type { HostPlan, ProgramPlan } from "./plan";
import { type HostView, isReached } from "./views";

/** Whether a host lacks this program, or has it altered. */
export function missingProgram({ system }: HostFacts, program: string): boolean {
  return !system.programs.some(({ digest, intact }) => intact && digest === program);
}

/**
 * The hosts with the program that runs on them: out of sync where one that something was made true by is gone or altered,
 * and where something is due that this release's program is to do.
 *
 * @param release digest of this release's program.
 */
export function withProgram(
  hosts: readonly HostPlan[],
  views: readonly HostView[],
  release: string,
): readonly HostPlan[] {
  return hosts.map((host) => {
    const view = views.find(({ config }) => config.name === host.name);
    return { ...host, program: planProgram(host, view, release) };
  });
}

function planProgram(
  { name, system, trust, state }: HostPlan,
  view: HostView | undefined,
  release: string,
): ProgramPlan {
  if (!view || !isReached(view)) {
    return { state: state === "abandoned" ? "abandoned" : "unknown", differences: [], note: "" };
  }
  const { facts } = view;
  const { programs } = facts.system;
  const broken = system?.committed && missingProgram(facts, system.committed.program) ? system.committed.program : "";
  const found = programs.some(({ digest }) => digest === broken) ? "altered" : "missing";
  const differences =
    broken === ""
      ? []
      : differencesAbout(name, `/var/lib/spark-mesh/program-${broken}`, [
          { property: "file", found, wanted: "as it was installed" },
        ]);
  const works = system?.state === "due" || trust?.state === "due";
  const needed = works ? missingProgram(facts, release) : !programs.some(({ intact }) => intact);
  const due = needed || differences.length > 0;
  return { state: due ? "due" : "settled", differences, note: due ? programNoteOf(facts, differences) : "" };
}
