import { remote, type types } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { Login } from "../facts/hostFacts";
import { packPayload, renderStdin } from "../plan/payload";
import type { HostPlan } from "../plan/plan";
import { scriptTexts } from "./scriptTexts";

/** How often a dial is tried before its command fails, and for how many seconds each. */
const DIAL = { dialErrorLimit: 3, perDialTimeout: 5 } as const;

/** The text of every command is the same in every release: a change of it would run on every settled host. */
const RUN = {
  stage: "exec bash -s root stage",
  verify: "exec bash -s user verify",
  commit: "exec bash -s root commit",
  undo: "exec bash -s root undo",
  release: "exec bash -s root release",
} as const;

const SETTLED = ["create", "update", "delete", "stdin"];

export interface HostArgs {
  readonly plan: HostPlan;
  readonly login: Login | undefined;
  /** What the host should become, as `renderDocument` gives it. */
  readonly document: string;
  /** Only where sudo asks. */
  readonly sudoPassword: string | undefined;
  /** Whether any host of the mesh is due, and so every host verifies. */
  readonly meshDue: boolean;
  /** The notes of all hosts that are due, in one line. */
  readonly meshNote: string;
}

/** The ids of the transactions that the stages left in force, in one line; made once, for all hosts verify the same. */
export function transactionsOf(stages: readonly remote.Command[]): pulumi.Output<string> {
  return pulumi.all(stages.map((stage) => stage.stdout)).apply((lines) => lines.map((line) => line.trim()).join(" "));
}

/**
 * One host as apply reaches it: the only place for its connection, its command texts, what is ignored where nothing
 * is due, and what survives the host's death.
 */
export class Host {
  readonly #args: HostArgs;
  readonly #payload: string;

  constructor(args: HostArgs) {
    this.#args = args;
    const fresh = packPayload(scriptTexts(), args.document);
    // What a settled host was committed with, not what this release would send: see `stdinOf`.
    this.#payload = args.plan.state === "due" ? fresh : (args.plan.committedPayload ?? fresh);
  }

  /** Writes and applies the change with a rollback armed; `stdout` is the id of the transaction in force. */
  stage(name: string, options: pulumi.CustomResourceOptions): remote.Command {
    const due = this.#args.plan.state === "due";
    return this.#command(name, "stage", due, this.#args.plan.note, pulumi.output(""), options, RUN.release);
  }

  /** Looks at the staged mesh from this host over a fresh login. Runs whenever any host was staged. */
  verify(name: string, transactions: pulumi.Output<string>, options: pulumi.CustomResourceOptions): remote.Command {
    return this.#command(name, "verify", this.#args.meshDue, this.#args.meshNote, transactions, options);
  }

  /** Disarms the rollback and records what was committed; its deletion restores what was there before. */
  commit(name: string, stage: remote.Command, options: pulumi.CustomResourceOptions): remote.Command {
    const due = this.#args.plan.state === "due";
    return this.#command(
      name,
      "commit",
      due,
      this.#args.plan.note,
      stage.stdout.apply((id) => id.trim()),
      options,
      RUN.undo,
    );
  }

  #command(
    name: string,
    operation: "stage" | "verify" | "commit",
    due: boolean,
    note: string,
    transactions: pulumi.Output<string>,
    options: pulumi.CustomResourceOptions,
    deletion?: string,
  ): remote.Command {
    const create = RUN[operation];
    return new remote.Command(
      name,
      {
        connection: this.#connection(),
        create,
        update: due && note !== "" ? `${create} # ${note}` : create,
        ...(deletion === undefined ? {} : { delete: deletion }),
        stdin: this.#stdin(transactions),
        addPreviousOutputInEnv: false,
        logging: remote.Logging.Stderr,
      },
      {
        ...options,
        hideDiffs: ["stdin"],
        ignoreChanges: this.#ignored(due, deletion !== undefined),
        retainOnDelete: this.#args.plan.state === "abandoned",
      },
    );
  }

  /**
   * On a settled host state keeps the one set of texts that committed it. A sudo password is the exception: destroy
   * uses the one in state, so a new one must get there. There the committed payload is sent again, not this release's.
   */
  #ignored(due: boolean, deletes: boolean): string[] {
    if (this.#args.plan.state === "abandoned" || this.#args.plan.state === "unknown") {
      return [...SETTLED, "connection"];
    }
    if (due) {
      return [];
    }
    return deletes && this.#args.sudoPassword !== undefined ? SETTLED.filter((input) => input !== "stdin") : SETTLED;
  }

  #stdin(transactions: pulumi.Output<string>): pulumi.Output<string> {
    const { sudoPassword } = this.#args;
    const stdin = transactions.apply((ids) =>
      renderStdin(scriptTexts().loader, { sudoPassword, payload: this.#payload, transactions: ids }),
    );
    return sudoPassword === undefined ? stdin : pulumi.secret(stdin);
  }

  #connection(): types.input.remote.ConnectionArgs {
    const { login, plan } = this.#args;
    if (login === undefined) {
      // Ignored: only a host that is never dialled has no login.
      return { host: plan.name };
    }
    const connection = loginArgs(login);
    return login.jump === undefined ? connection : { ...connection, proxy: loginArgs(login.jump) };
  }
}

// Built field by field: the provider prints the whole connection, key and all, when it meets a field it doesn't know.
function loginArgs(login: Login): types.input.remote.ProxyConnectionArgs {
  return {
    host: login.address,
    port: login.port,
    user: login.user,
    hostKey: login.hostKey,
    ...DIAL,
    ...(login.privateKey === undefined ? {} : { privateKey: pulumi.secret(login.privateKey) }),
  };
}
