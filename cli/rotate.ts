import { type NamedHost, noAnswer } from "./hostKeys";
import { print, tell } from "./output";
import { askRotation } from "./rotation";

const PROBLEMS = {
  asked: undefined,
  already: undefined,
  noKey: "found no mesh key in ~/.ssh/spark-mesh, wanted one to replace; `pulumi up` makes the first",
  unwritable:
    "found ~/.ssh/spark-mesh not writable, wanted to leave a request there; put its owner and mode right, and make room on its disk",
};

/** Asks hosts for new mesh keys, all at once, and says what came of it. */
export async function rotate(hosts: readonly NamedHost[], folder: string, json: boolean) {
  const answers = await Promise.all(
    hosts.map(async (named) => ({ named, answer: await askRotation(named.host, folder) })),
  );
  const problems: string[] = [];
  const asked: string[] = [];
  for (const { named, answer } of answers) {
    const { label } = named;
    if (answer.kind !== "answered") {
      problems.push(...noAnswer(named, answer));
      continue;
    }
    const problem = PROBLEMS[answer.outcome];
    if (problem !== undefined) {
      problems.push(`${label}: ${problem}`);
      continue;
    }
    asked.push(label);
    const before = answer.outcome === "already" ? " before" : "";
    const line = `${label}: asked for a new mesh key${before}; the next \`pulumi up\` replaces it everywhere\n`;
    (json ? tell : print)(line);
  }
  return { asked, problems };
}
