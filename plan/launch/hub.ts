import type { Word } from "../recipe/command";
import type { Recipe } from "../recipe/recipe";
import { HUB_MOUNTS } from "./docker";
import type { DeclaredEnvironment } from "./environment";
import { FLAGS, flagValue } from "./flags";
import type { NeededModel } from "./models";

/**
 * Why a server would look for its models where they aren't: an environment that names another cache than the containers
 * have, another hub, a volume over the cache. Nothing where it reads folders alone.
 *
 * @param env of a rank.
 */
export function hubProblems(
  { source, env: written, executor }: Recipe,
  words: readonly Word[],
  env: Readonly<Record<string, string>>,
  models: readonly NeededModel[],
  declared?: DeclaredEnvironment,
): readonly string[] {
  const fromHub = models.filter(({ id }) => !id.startsWith("/"));
  if (fromHub.length === 0) return [];
  const at = (name: string) => {
    if (declared && name in declared.values) return declared.path(name);
    return `${name in written ? source.at(["env", name]) : source.at(["command"])}: env.${name}`;
  };
  const cache = cacheBy(env);
  const caches = HUB_MOUNTS.map((mount) => `${mount}/hub`);
  const downloads = flagValue(words, FLAGS.downloadDir);
  const drafter = fromHub.find(({ use }) => use === "drafter");
  const volumes = (executor.volumes ?? []).map(String);
  return [
    ...(cache && !caches.includes(cache.folder)
      ? [
          `${at(cache.name)}: found ${JSON.stringify(env[cache.name])}, which has the models in ${cache.folder}, wanted ${caches.join(" or ")}, where they are; leave it out`,
        ]
      : []),
    ...(/^(1|true)$/i.test(env.VLLM_USE_MODELSCOPE ?? "")
      ? [
          `${at("VLLM_USE_MODELSCOPE")}: found ${env.VLLM_USE_MODELSCOPE}, wanted none: models are fetched from Hugging Face; leave it out`,
        ]
      : []),
    // A drafter's weights alone are looked for there: the served model's are found before.
    ...(downloads && drafter && !caches.includes(normal(downloads.text))
      ? [
          `${downloads.at}: --download-dir: found ${downloads.text}, wanted ${caches.join(" or ")}, where ${drafter.id} is; leave it out`,
        ]
      : []),
    ...volumes.flatMap((volume, index) => {
      const target = normal(volume.split(":")[1] ?? "");
      const isOver = HUB_MOUNTS.some(
        (mount) => target === mount || target === `${mount}/hub` || target.startsWith(`${mount}/hub/`),
      );
      if (!isOver) return [];
      return [
        `${source.at(["executor_config", "volumes", index])}: executor_config.volumes[${index}]: found ${volume}, which hides the models in ${target}; leave it out: the login user's ~/.cache/huggingface is there`,
      ];
    }),
  ];
}

/** Which variable says where the hub's models are, and where that is; undefined for the default. */
function cacheBy(
  env: Readonly<Record<string, string>>,
): { readonly name: string; readonly folder: string } | undefined {
  const below: readonly (readonly [string, string])[] = [
    ["HF_HUB_CACHE", ""],
    ["HUGGINGFACE_HUB_CACHE", ""],
    ["HF_HOME", "/hub"],
    ["XDG_CACHE_HOME", "/huggingface/hub"],
    ["HOME", "/.cache/huggingface/hub"],
  ];
  const [found] = below.filter(([name]) => env[name]);
  return found && { name: found[0], folder: `${normal(env[found[0]] ?? "")}${found[1]}` };
}

/** Without a slash at its end, and with root's home for ~. */
function normal(path: string): string {
  return path.replace(/^~(?=\/|$)/, "/root").replace(/\/+$/, "");
}
