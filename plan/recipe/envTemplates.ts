import { oneLine } from "../../config/judge";
import type { Parameters } from "./parameters";
import type { Recipe } from "./recipe";

/** What `{launch.NAME}` stands for on one rank; undefined: it can't be known. */
export type LaunchFacts = Readonly<
  Record<
    "model_path" | "model_revision" | "num_nodes" | "node_rank" | "node_host" | "cluster_id" | "runtime_cache_dir",
    string | undefined
  >
>;

/** Why a fact can't be known, by its name. */
const UNKNOWN: Readonly<Record<string, string>> = {
  model_path: "known where model_revision is a commit of 40 digits, or the model a folder",
  model_revision: "known where the recipe has a model_revision",
  runtime_cache_dir: "not supported; the caches are /root/.cache/vllm, /root/.cache/flashinfer and /root/.triton",
};

/** A brace or several before a reserved name, and those behind it. `${config.x}` is a shell's. */
const TEMPLATE = /(?<![${])(\{+)((?:config|launch)\.[^{}]*)(\}*)/g;

/**
 * A recipe's environment on one rank: `{config.NAME}` is a parameter, `{launch.NAME}` a fact of the launch. Doubled
 * braces keep them as they are written; no value is looked at again.
 *
 * @param problems gets a line for each that can't be put in.
 */
export function renderEnvironment(
  { source, env }: Pick<Recipe, "source" | "env">,
  config: Parameters,
  launch: LaunchFacts,
  problems: string[],
): Readonly<Record<string, string>> {
  const render = ([name, template]: readonly [string, string]) => {
    const problem = (why: string) => {
      problems.push(`${source.at(["env", name])}: env.${name}: ${why}`);
      return "";
    };
    const text = template.replace(TEMPLATE, (_, open: string, token: string, close: string) => {
      if (open.length > 1) {
        const shorter = close.length >= open.length ? close.slice(1) : close;
        return `${open.slice(1)}${token}${shorter}`;
      }
      const [, kind, key = ""] = /^(config|launch)\.([A-Za-z_]\w*)$/.exec(token) ?? [];
      if (kind === undefined || close === "")
        return problem(
          `found {${oneLine(token)}${close && "}"}; allowed: {config.NAME} and {launch.NAME}, or doubled braces`,
        );
      const value = kind === "config" ? own(config, key) : own(launch, key);
      if (value !== undefined) return `${value}${close.slice(1)}`;
      if (kind === "config") return problem(`no value for {${token}}; give it one under defaults or as an override`);
      const names = Object.keys(launch).join(", ");
      return problem(`no value for {${token}}: ${own(UNKNOWN, key) ?? `known: ${names}`}`);
    });
    return [name, text] as const;
  };
  return Object.fromEntries(Object.entries(env).map(render));
}

function own<V>(values: Readonly<Record<string, V>>, name: string): V | undefined {
  return Object.hasOwn(values, name) ? values[name] : undefined;
}
