import { readFileSync } from "node:fs";
import { join } from "node:path";

/** What the host program does on a host: each operation once, by the names of host/spark_mesh_host/__main__.py. */
const OPERATIONS = {
  /** Nothing, while it is made; its deletion leaves nothing of the stack's on the host. */
  arrive: { as: "user", deletion: "leave" },
  /** Brings the program itself. */
  install: { as: "root" },
  /** Has a key pair of the host's own there; answers with its public half. */
  key: { as: "user", deletion: "distrust" },
  /** Writes the blocks in the login user's ~/.ssh, of which `key` is there. */
  trust: { as: "user" },
  /** Takes away all that is ours in ~/.ssh. */
  distrust: { as: "user" },
  /** Asks for a new key pair, which the next `key` makes; answers with what came of that. */
  rotate: { as: "user" },
  leave: { as: "root" },
  /** Makes true what is declared of the host's system. */
  system: { as: "root", deletion: "unsystem" },
  unsystem: { as: "root" },
} as const satisfies Record<string, OperationFacts>;

interface OperationFacts {
  /** As whom it runs: root, or the user who logs in. */
  readonly as: "root" | "user";
  /** What deletes its resource. */
  readonly deletion?: string;
}

export type OperationName = keyof typeof OPERATIONS;

/** The texts of an operation's command, which are the same in every release. */
export interface OperationTexts {
  readonly create: string;
  readonly delete?: string;
  /** Whether it or its deletion asks sudo, and so a sudo password travels with it. */
  readonly asRoot: boolean;
}

/** Of one operation. */
export function operationTexts(name: OperationName): OperationTexts {
  const { as, deletion }: OperationFacts = OPERATIONS[name];
  const text = (operation: OperationName) => `exec bash -s ${OPERATIONS[operation].as} ${operation}`;
  const undone = deletion as OperationName | undefined;
  return {
    create: text(name),
    ...(undone !== undefined && { delete: text(undone) }),
    asRoot: as === "root" || (undone !== undefined && OPERATIONS[undone].as === "root"),
  };
}

/** What an operation reads behind the loader. */
export interface Reading {
  /** Only where sudo asks. Secret. */
  readonly sudoPassword?: string | undefined;
  /** The Spark's name in the mesh. */
  readonly host: string;
  /** Digest of the program that is to run, or whichever came last. */
  readonly program: string;
  /** One line of JSON; for `install` the program in base64. */
  readonly spec: string;
  /** Ids of staged transactions, with spaces between them. */
  readonly transactions?: string;
}

/** What stands before an answer; host/spark_mesh_host/say.py has it too. */
export const ANSWER_MARK = "spark-mesh-answer ";

/** What an operation answered; empty where it gave no answer. A login shell may print before it, on the same line too. */
export function readAnswer(stdout: string): Readonly<Record<string, unknown>> {
  const [line = ""] = (stdout.split(ANSWER_MARK).slice(1).at(-1) ?? "{}").split("\n");
  try {
    return JSON.parse(line);
  } catch {
    return {};
  }
}

let loader: string | undefined;

/**
 * The stdin of one operation: the loader, then a line each of password, host, program, spec and transactions.
 *
 * @throws Error where a part would break out of its line; it never shows the password.
 */
export function operationStdin({ sudoPassword = "", host, program, spec, transactions = "" }: Reading): string {
  loader ??= readFileSync(join(__dirname, "..", "host", "loader.sh"), "utf8");
  const lines = { sudoPassword, host, program, spec, transactions };
  for (const [name, line] of Object.entries(lines)) {
    if (/[\n\0]/.test(line)) throw new Error(`${host}: the ${name} of an operation has more than one line`);
  }
  return `${loader}${Object.values(lines).join("\n")}\n`;
}
