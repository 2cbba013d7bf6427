import { misused, parseWords } from "./commandLine";

const TOPOLOGIES = ["direct", "ring", "switch"] as const;

export type ShownTopology = (typeof TOPOLOGIES)[number];

export type RecipeOptions =
  | { readonly command: "schema" }
  | {
      readonly command: "show";
      /** Name in recipes/, or a path. */
      readonly recipe: string;
      /** How many Sparks there are. Default: as many as the recipe needs. */
      readonly hosts?: number;
      /** Default: what so many Sparks usually are. */
      readonly topology?: ShownTopology;
      /** Overrides by key; `true` and `false` are no texts. */
      readonly set: Readonly<Record<string, string | boolean>>;
      readonly json: boolean;
    };

const OPTIONS = {
  hosts: { type: "string" },
  topology: { type: "string" },
  set: { type: "string", multiple: true },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

export const RECIPE_HELP = `Shows what a recipe would run on each rank, without any host.

usage: npm run recipe -- show NAME|FILE [options]
       npm run recipe -- schema

  NAME             a recipe in recipes/, without .yaml
  FILE             a recipe's path
  --hosts N        how many Sparks there are (default: as many as the recipe needs); it takes the first ones
  --topology T     direct, ring or switch (default: two are direct, three a ring, more a switch)
  --set KEY=VALUE  an override, as deployments' overrides: has it; can be given several times
  --json           one JSON document on stdout
  --help           this text

schema prints the format of recipes as a JSON schema, for editors.
Exit status: 0 shown, 1 faults in the recipe, 2 a mistake in the command line.
`;

/** @throws Faults with the mistake in the command line */
export function parseRecipeOptions(args: readonly string[]): RecipeOptions | "help" {
  const { values, positionals } = parseWords(args, OPTIONS);
  if (values.help) return "help";
  const [command, recipe, ...others] = positionals;
  const faults: string[] = [];
  if (command !== "show" && command !== "schema") {
    faults.push(`found ${command === undefined ? "no command" : JSON.stringify(command)}; allowed: show, schema`);
  } else if (command === "show" && recipe === undefined) faults.push("show: needed: a recipe's name or path");
  for (const other of command === "schema" && recipe !== undefined ? [recipe, ...others] : others) {
    faults.push(`found ${JSON.stringify(other)} too many`);
  }
  const hosts = values.hosts === undefined ? undefined : Number(values.hosts);
  if (hosts !== undefined && !(Number.isInteger(hosts) && hosts >= 1 && hosts <= 64)) {
    faults.push(`--hosts: found ${JSON.stringify(values.hosts)}; allowed: a whole number from 1 to 64`);
  }
  const topology = TOPOLOGIES.find((name) => name === values.topology);
  if (values.topology !== undefined && topology === undefined) {
    faults.push(`--topology: found ${JSON.stringify(values.topology)}; allowed: ${TOPOLOGIES.join(", ")}`);
  }
  const set = (values.set ?? []).map((text) => /^([^=]+)=(.*)$/s.exec(text) ?? text);
  for (const text of set) {
    if (typeof text === "string") faults.push(`--set: found ${JSON.stringify(text)}; allowed: KEY=VALUE`);
  }
  if (faults.length > 0) throw misused(...faults);
  if (command === "schema") return { command };
  return {
    command: "show",
    recipe: recipe ?? "",
    ...(hosts !== undefined && { hosts }),
    ...(topology && { topology }),
    set: Object.fromEntries(
      set.map(([, key = "", value = ""]) => [key, value === "true" || (value !== "false" && value)]),
    ),
    json: values.json === true,
  };
}
