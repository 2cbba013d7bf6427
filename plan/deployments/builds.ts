import type { ImageBuild } from "../../facts/imageBuild";
import { BUILDER } from "../../sources/buildSource";
import { localName } from "../launch/docker";
import type { LaunchPlan } from "../launch/launch";
import type { Recipes } from "./launches";
import type { DeploymentRecipe } from "./plan";

/** What is ours to tell the builder: the image's name, and what becomes of it. */
const OWN_WORDS = [
  ...["-t", "--tag", "--no-build", "--setup"],
  ...["-c", "--copy-to", "--copy-to-host", "--copy-to-hosts"],
];

/** What a deployment's image is to be built from; undefined where it isn't to be built. */
export function buildOf(
  { buildArgs, ranks }: LaunchPlan,
  { build, buildsUnnamed }: DeploymentRecipe,
): ImageBuild | undefined {
  // Docker Hub's own images, which have no slash either, serve no model.
  if (!build || (buildsUnnamed && ranks[0]?.image.includes("/"))) return undefined;
  return { commit: build.commit, arguments: buildArgs };
}

export function isBuiltFrom(found: ImageBuild | undefined, wanted: ImageBuild): boolean {
  return (
    found?.commit === wanted.commit &&
    found.arguments.length === wanted.arguments.length &&
    found.arguments.every((word, index) => word === wanted.arguments[index])
  );
}

/** `0123456789ab --tf5`, the commit as git shortens it. */
export function buildText(build: ImageBuild | undefined): string {
  return build ? [build.commit.slice(0, 12), ...build.arguments].join(" ") : "nobody knows what";
}

/** Why an image can't be built as it is asked for; the deployment isn't named. */
export function buildFaults({ ranks }: LaunchPlan, build: ImageBuild | undefined): readonly string[] {
  if (!build) return [];
  const image = ranks[0]?.image ?? "";
  return [
    ...(image.includes("@")
      ? [`build: found the image ${image}; wanted a name without a digest, which no build can be given`]
      : []),
    ...build.arguments
      .filter((word) => OWN_WORDS.includes(word.replace(/=.*$/s, "")))
      .map(
        (word) =>
          `build_args: found ${word}, which is not theirs to say: ${BUILDER} is given \`-t ${image}\`; leave it out`,
      ),
  ];
}

/** Deployments with a common host that would each make the same image another one. */
export function judgeBuilds(launches: readonly LaunchPlan[], recipes: Recipes): readonly string[] {
  const built = launches.flatMap((launch) => {
    const recipe = recipes.get(launch.name);
    const build = recipe && buildOf(launch, recipe);
    return build ? [{ launch, build, image: localName(launch.ranks[0]?.image ?? "") }] : [];
  });
  return built.flatMap((one, index) =>
    built.slice(0, index).flatMap((other) => {
      const host = one.launch.ranks.find(({ host: own }) => other.launch.ranks.some((rank) => rank.host === own))?.host;
      if (host === undefined || one.image !== other.image) return [];
      const names = `${other.launch.name} and ${one.launch.name}`;
      if (!isBuiltFrom(one.build, other.build)) {
        return [
          `${host}: image ${one.image}: ${names} have it built from ${buildText(other.build)} and ${buildText(one.build)}; override container of one of them`,
        ];
      }
      const heads = [other, one].map(({ launch }) => launch.ranks[0]?.host);
      return heads[0] === heads[1]
        ? []
        : [
            `${host}: image ${one.image}: ${names} would build it on ${heads.join(" and ")}; give both one head, or override container of one of them`,
          ];
    }),
  );
}
