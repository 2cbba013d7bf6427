import type { DockerFacts, ImageFacts, ModelFacts } from "../../facts/docker";
import type { ImageBuild } from "../../facts/imageBuild";
import { differencesAbout, type Finding } from "../difference";
import type { LaunchPlan } from "../launch/launch";
import { isSameModel, type NeededModel } from "../launch/models";
import { deploymentNoteOf } from "../note";
import type { Difference, Plan } from "../plan";
import { buildOf, buildText, isBuiltFrom } from "./builds";
import { imageOf, type Member, shortId } from "./members";
import type { DeploymentPlan, DeploymentRecipe, FetchPlan, ModelPlan } from "./plan";
import { standingOf } from "./standing";

/** The first NCCL that finds its peers in a ring; older ones ignore what they are told without a word. */
const RING_NCCL = "2.30.7";

/** What of a thing is on one host, and how that differs from what all should have. */
type Findings = (docker: DockerFacts) => readonly Finding[];

/**
 * The image of a deployment on all of its hosts: the head's, wherever a tag has moved to meanwhile. Where it is to be
 * built, one that was built from something else is none.
 */
export function planImage(
  launch: LaunchPlan,
  members: readonly Member[],
  plan: Plan,
  recipe: DeploymentRecipe,
): DeploymentPlan["image"] {
  const reference = launch.ranks[0]?.image ?? "";
  const build = buildOf(launch, recipe);
  const wanted = firstOf(members, (docker) => wantedImage(docker, reference, build)?.id);
  const fetched = planFetch(launch, members, reference, (docker) => {
    const found = imageOf(docker, reference);
    const other = otherBuild(found, build);
    if (other) return [other];
    if (found !== undefined && found.id === wanted) return [];
    return [{ property: "image", found: found ? shortId(found.id) : "missing", wanted: shortId(wanted ?? "present") }];
  });
  const isRing = plan.topology === "ring" && members.length > 2;
  return {
    ...fetched,
    reference,
    ...(wanted !== undefined && { id: wanted }),
    ...(isRing && { minimumNccl: RING_NCCL }),
    ...(build && recipe.build && { build: { ...build, checkout: recipe.build, due: wanted === undefined } }),
  };
}

/** The image that a host has under a name; undefined for one that is to be built, and was built from something else. */
export function wantedImage(docker: DockerFacts, reference: string, build?: ImageBuild): ImageFacts | undefined {
  const found = imageOf(docker, reference);
  return otherBuild(found, build) ? undefined : found;
}

/** That an image was built from something else than it is to be. */
function otherBuild(found: ImageFacts | undefined, build: ImageBuild | undefined): Finding | undefined {
  if (!found || !build || isBuiltFrom(found.build, build)) return undefined;
  return { property: "built from", found: buildText(found.build), wanted: buildText(build) };
}

/** A model likewise: complete, and as the head has it. */
export function planModel(launch: LaunchPlan, model: NeededModel, members: readonly Member[]): ModelPlan {
  const wanted = firstOf(members, (docker) => completeModel(docker, model));
  const fetched = planFetch(launch, members, model.id, (docker) => {
    const found = modelOf(docker, model);
    const complete = completeModel(docker, model);
    if (complete && complete.recorded?.commit !== wanted?.recorded?.commit) {
      return [{ property: "commit", found: complete.recorded?.commit ?? "", wanted: wanted?.recorded?.commit ?? "" }];
    }
    const isEqual = complete && complete.files === wanted?.files && complete.bytes === wanted.bytes;
    if (isEqual) return [];
    return [{ property: "files", found: filesText(found), wanted: filesText(wanted ?? found?.recorded, "complete") }];
  });
  return { ...fetched, ...model };
}

/** The head's, else that of the first host that has it. */
function firstOf<T>(members: readonly Member[], of: (docker: DockerFacts) => T | undefined): T | undefined {
  return members.flatMap(({ docker }) => (docker ? (of(docker) ?? []) : []))[0];
}

function planFetch(launch: LaunchPlan, members: readonly Member[], object: string, of: Findings): FetchPlan {
  const [head, ...targets] = members.map(({ host }) => host);
  const found = members.map((member) => ({
    member,
    findings: member.docker && !member.pending ? of(member.docker) : [],
  }));
  const lacking = found.filter(({ member, findings }) => member.pending || findings.length > 0);
  const differences = lacking.flatMap(({ member, findings }): readonly Difference[] =>
    // Where the wish is another one than was committed, nothing was there before.
    member.record?.digest === member.launch.digest ? differencesAbout(member.host, object, findings) : [],
  );
  const isKnown = members.every(({ docker }) => docker);
  const state = isKnown ? (lacking.length > 0 ? "due" : "settled") : "unknown";
  const lackingOn = lacking.map(({ member }) => member.host).join(" ");
  return {
    head: head ?? "",
    targets,
    state,
    differences,
    note: state === "due" ? deploymentNoteOf(differences, `${launch.name} on ${lackingOn}`, standingOf(members)) : "",
  };
}

export function modelOf({ models }: DockerFacts, wanted: NeededModel): ModelFacts | undefined {
  return models.find((model) => isSameModel(model, wanted));
}

/** A model that is whole: as whoever fetched it recorded it. A folder has no record, and is what it is. */
export function completeModel(docker: DockerFacts, model: NeededModel): ModelFacts | undefined {
  const found = modelOf(docker, model);
  if (!found || found.files === 0) return undefined;
  if (model.id.startsWith("/")) return found;
  return found.recorded?.files === found.files && found.recorded.bytes === found.bytes ? found : undefined;
}

function filesText(model: { readonly files: number; readonly bytes: number } | undefined, none = "missing"): string {
  return model && model.files > 0 ? `${model.files} files with ${model.bytes} bytes` : none;
}

/** Bytes that a host lacks of a model that another host of the deployment has; undefined where none has it. */
export function lackingBytes(member: Member, members: readonly Member[], model: NeededModel): number | undefined {
  const whole = firstOf(members, (docker) => completeModel(docker, model));
  if (!whole || !member.docker) return undefined;
  return Math.max(0, whole.bytes - (modelOf(member.docker, model)?.bytes ?? 0));
}
