import type { ContainerFacts, DeploymentRecord } from "../../facts/docker";
import { differencesAbout, type Finding } from "../difference";
import { isSecret } from "../launch/flags";
import type { RankLaunch } from "../launch/launch";
import type { Difference } from "../plan";
import { compareText } from "../views";
import { type Member, shortId } from "./members";

/** What is found of one rank. */
interface RankStanding {
  /** Whether anything but the wish, or nothing at all, is there. */
  readonly due: boolean;
  /** What somebody or something changed since deploy; none where deploy never was, or only the wish changed. */
  readonly differences: readonly Difference[];
}

/**
 * One rank as it runs beside what it should be.
 *
 * @param exact false where the plan's words hang on a host that can't be asked: what was committed is the measure then.
 * @param imageId of the image on every host, whatever its name means on this one; undefined where none has it.
 */
export function standingOfRank(member: Member, exact: boolean, imageId: string | undefined): RankStanding {
  const { docker, record, containers, launch, host } = member;
  if (!docker || member.pending) return { due: member.pending, differences: [] };
  if (!record && containers.length === 0) return { due: true, differences: [] };
  const wanted = exact ? launch.digest : (record?.digest ?? launch.digest);
  const name = record?.container ?? launch.container;
  const container = containers.find((one) => one.name === name);
  const isAsWished = exact && (record?.digest ?? launch.digest) === launch.digest;
  const about = (object: string, findings: readonly Finding[]) => differencesAbout(host, object, findings);
  const differences = [
    ...about(name, [
      ...(record ? [] : [{ property: "record", found: "missing", wanted: "present" }]),
      ...(container?.status === "running"
        ? []
        : [{ property: "state", found: container?.status ?? "missing", wanted: "running" }]),
      ...(container ? labelFindings(container, record?.digest ?? launch.digest) : []),
      ...(container && isAsWished ? contentFindings(container, launch, imageId) : []),
    ]),
    ...containers
      .filter((one) => one !== container)
      .sort((a, b) => compareText(a.name, b.name))
      .flatMap((one) => about(one.name, [{ property: "container", found: one.status, wanted: "none" }])),
    ...(docker.watch === "active"
      ? []
      : about("watch", [{ property: "state", found: docker.watch, wanted: "active" }])),
  ];
  return { due: record?.digest !== wanted || differences.length > 0, differences };
}

function labelFindings({ labels }: ContainerFacts, digest: string): readonly Finding[] {
  const { "spark-mesh.digest": found, "spark-mesh.stack": stack } = labels;
  return [
    ...(found === digest ? [] : [{ property: "label digest", found: short(found), wanted: short(digest) }]),
    ...(stack === undefined ? [{ property: "label stack", found: "none", wanted: "the stack's name" }] : []),
  ];
}

function short(digest: string | undefined): string {
  return digest?.slice(0, 12) ?? "none";
}

/** Somebody may make a container anew by hand, with the same labels. */
function contentFindings(
  { image, process, env }: ContainerFacts,
  launch: RankLaunch,
  imageId: string | undefined,
): readonly Finding[] {
  const moved = imageId !== undefined && image !== imageId;
  const count = Math.max(process.length, launch.process.length);
  const word = Array.from({ length: count }, (_, at) => at).find((at) => process[at] !== launch.process[at]);
  return [
    ...(moved ? [{ property: "image", found: shortId(image), wanted: shortId(imageId) }] : []),
    ...(word === undefined
      ? []
      : [
          {
            property: `argument ${word + 1}`,
            found: shownWord(process, word),
            wanted: shownWord(launch.process, word),
          },
        ]),
    ...Object.entries(launch.env)
      .filter(([name, value]) => env[name] !== value)
      // Values may be secrets.
      .map(([name]) => ({
        property: `env ${name}`,
        found: env[name] === undefined ? "nothing" : "another value",
        wanted: "as declared",
      })),
  ];
}

function shownWord(process: readonly string[], index: number): string {
  return isSecret(process, index) ? "[secret]" : (process[index] ?? "nothing");
}

/** Whose it is where it isn't this stack's. */
export function foreignStack(
  record: DeploymentRecord | undefined,
  containers: readonly ContainerFacts[],
  stack: string,
): string | undefined {
  const stacks = [record?.stack, ...containers.map(({ labels }) => labels["spark-mesh.stack"])];
  return stacks.filter((other) => other !== undefined && other !== stack).sort()[0];
}
