import { remote, type types } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { Login } from "../facts/hostFacts";
import { hostProgram } from "../host/program";
import { packPayload, renderStdin } from "../plan/payload";
import type { HostPlan, ProgramPlan, SystemPlan } from "../plan/plan";
import type { Head } from "../plan/spec/head";
import { type OperationName, operationStdin, operationTexts, readAnswer } from "./operations";
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
  image: "exec bash -s user image",
  model: "exec bash -s user model",
  deploy: "exec bash -s root deploy",
  undeploy: "exec bash -s root undeploy",
  ready: "exec bash -s user ready",
} as const;

const SETTLED = ["create", "update", "delete", "stdin"];

/** Those whose deletion, from what is in state, asks sudo. */
const DELETED_AS_ROOT: readonly string[] = [RUN.stage, RUN.commit, RUN.deploy];

/** One command on a host. */
interface Operation {
  readonly create: string;
  readonly delete?: string;
  readonly due: boolean;
  /** Whether nothing is known of what it is about, so that state keeps what it has. @default as of the host */
  readonly unknown?: boolean;
  /** Why it is due. */
  readonly note: string;
  readonly stdin: pulumi.Output<string>;
  /** Whether a sudo password goes with it that its deletion needs. */
  readonly asked?: boolean;
}

/** What the host program is to do, as far as it is known. */
interface Operated {
  readonly state: HostPlan["state"];
  /** Why it is due; "" otherwise. */
  readonly note: string;
  readonly spec: pulumi.Input<string>;
  /** Digest of the program that reads the spec; `newest` where whichever came last can. */
  readonly program: string;
  /** Whether its deletion runs nothing. @default false */
  readonly constant?: boolean;
}

export interface HostArgs {
  readonly plan: HostPlan;
  /** `organization/project/stack`. */
  readonly stack: string;
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

/** What is to become of a host's system. */
export interface SystemWish {
  readonly plan: SystemPlan;
  /** As `renderSystemSpec` gives it. */
  readonly spec: string;
}

/** Something to be done on a host that stands by itself: of its system, or of a deployment. */
export interface Work {
  readonly state: HostPlan["state"];
  /** Why it is due; "" otherwise. */
  readonly note: string;
  readonly document: string;
  /** The recorded payload of what is there, where there is a record. */
  readonly committedPayload?: string;
  /** Whether the document has a secret in it. @default false */
  readonly secret?: boolean;
}

/** The ids of the transactions in force, in the stages' order; made once, for all hosts wait for the same. */
export function stagedBy(stages: readonly remote.Command[]): pulumi.Output<readonly string[]> {
  return pulumi.all(stages.map((stage) => stage.stdout)).apply((lines) => lines.map(readTransaction));
}

/** What a stage says, by its form; around it is what a login shell or its profile printed. */
const TRANSACTION = /[0-9]{8}T[0-9]{6}Z?-[0-9a-f]+/g;

/** `ssh-ed25519 AAAA...` as `key` answered; undefined where it didn't. */
export function publicKeyOf(key: remote.Command): pulumi.Output<string | undefined> {
  return key.stdout.apply((stdout) => {
    const { publicKey } = readAnswer(stdout);
    return typeof publicKey === "string" ? publicKey : undefined;
  });
}

/** The id of an image as the operation prints it; "" where there is none. */
export function readImageId(stdout: string): string {
  return /sha256:[0-9a-f]{64}/.exec(stdout)?.[0] ?? "";
}

/** The last one counts: a login shell prints before it starts ours. */
function readTransaction(stdout: string): string {
  return stdout.match(TRANSACTION)?.at(-1) ?? "";
}

/**
 * One host as apply reaches it: the only place for its connection, its command texts, what is ignored where nothing
 * is due, and what survives the host's death.
 */
export class Host {
  readonly #args: HostArgs;
  readonly #fresh: string;
  readonly #payload: string;

  constructor(args: HostArgs) {
    this.#args = args;
    this.#fresh = packPayload(scriptTexts(), args.document);
    // What a settled host was committed with, not what this release would send: see `#ignored`.
    this.#payload = args.plan.state === "due" ? this.#fresh : (args.plan.committedPayload ?? this.#fresh);
  }

  /** Writes and applies the change with a rollback armed; `stdout` is the id of the transaction in force. */
  stage(name: string, options: pulumi.CustomResourceOptions): remote.Command {
    return this.#command(name, options, {
      create: RUN.stage,
      delete: RUN.release,
      ...this.#staging(),
      stdin: this.#stdin(this.#payload, pulumi.output("")),
    });
  }

  /**
   * Has a key pair of the host's own there, of which `publicKeyOf` reads the public half. Its deletion takes away all that is
   * ours in the login user's ~/.ssh, whatever came of `trust`.
   */
  key(name: string, options: pulumi.CustomResourceOptions): remote.Command {
    const { state = "settled", keyDue = false, note = "" } = this.#args.plan.trust ?? {};
    const known = state === "due" && !keyDue ? "settled" : state;
    const work = { state: known, note: keyDue ? note : "", spec: this.#head(), program: "newest" };
    return this.#operate(name, "key", work, options);
  }

  /** Writes the blocks in the login user's ~/.ssh. Neither this nor the key needs root, and so no password. */
  trust(name: string, spec: pulumi.Output<string>, options: pulumi.CustomResourceOptions): remote.Command {
    const { state = "settled", note = "" } = this.#args.plan.trust ?? {};
    const program = state === "due" ? hostProgram().digest : "newest";
    return this.#operate(name, "trust", { state, note, spec, program }, options);
  }

  /**
   * Looks at the staged mesh from this host over a fresh login. Runs whenever any host was staged, and looks at what this
   * release says: nothing of it is recorded.
   */
  verify(name: string, transactions: pulumi.Output<string>, options: pulumi.CustomResourceOptions): remote.Command {
    return this.#command(name, options, {
      create: RUN.verify,
      due: this.#args.meshDue,
      note: this.#args.meshNote,
      stdin: this.#stdin(this.#fresh, transactions),
    });
  }

  /** Disarms the rollback and records what was committed; its deletion restores what was there before. */
  commit(name: string, stage: remote.Command, options: pulumi.CustomResourceOptions): remote.Command {
    const transaction = stage.stdout.apply(readTransaction);
    return this.#command(name, options, {
      create: RUN.commit,
      delete: RUN.undo,
      ...this.#staging(),
      stdin: this.#stdin(this.#payload, transaction),
    });
  }

  /** Makes true what is declared of the host's system; its deletion gives back what was there before. */
  system(name: string, { plan, spec }: SystemWish, options: pulumi.CustomResourceOptions): remote.Command {
    const { state, note, committed } = plan;
    const fresh = () => ({ spec, program: hostProgram().digest });
    const sent = state === "due" ? fresh() : (committed ?? fresh());
    return this.#operate(name, "system", { state, note, ...sent }, options);
  }

  /** Does nothing; its deletion, the last on this host, leaves nothing of the stack's. */
  arrive(name: string, options: pulumi.CustomResourceOptions): remote.Command {
    const { state } = this.#args.plan;
    // Nothing on the host can differ from nothing.
    const known = state === "due" ? "settled" : state;
    return this.#operate(name, "arrive", { state: known, note: "", spec: this.#head(), program: "newest" }, options);
  }

  /** Brings this release's program. */
  install(name: string, { state, note }: ProgramPlan, options: pulumi.CustomResourceOptions): remote.Command {
    // Where it is there, state keeps what it has, whatever is said here; packing it would cost every preview.
    const { digest, base64 } = state === "due" ? hostProgram() : { digest: "newest", base64: "" };
    return this.#operate(name, "install", { state, note, spec: base64, program: digest, constant: true }, options);
  }

  #head(): string {
    const head: Head = { host: this.#args.plan.name, stack: this.#args.stack };
    return JSON.stringify(head);
  }

  #operate(
    name: string,
    operation: OperationName,
    { state, note, spec, program, constant = false }: Operated,
    options: pulumi.CustomResourceOptions,
  ): remote.Command {
    const { asRoot, ...texts } = operationTexts(operation);
    const sudoPassword = asRoot ? this.#args.sudoPassword : undefined;
    const { name: host } = this.#args.plan;
    const stdin = pulumi.output(spec).apply((line) => operationStdin({ sudoPassword, host, program, spec: line }));
    return this.#command(name, options, {
      ...texts,
      due: state === "due",
      unknown: state === "unknown",
      note,
      // Its deletion runs nothing: a new password has nowhere to go.
      asked: sudoPassword !== undefined && !constant,
      stdin: sudoPassword === undefined ? stdin : pulumi.secret(stdin),
    });
  }

  /** Has an image on this host, and sends it to the others; `stdout` is its id. */
  image(name: string, work: Work, options: pulumi.CustomResourceOptions): remote.Command {
    return this.#work(name, work, scriptTexts().fetchProgram, { create: RUN.image }, options);
  }

  /** Has a model on this host, whole, and sends it to the others. */
  model(name: string, work: Work, options: pulumi.CustomResourceOptions): remote.Command {
    return this.#work(name, work, scriptTexts().fetchProgram, { create: RUN.model }, options);
  }

  /** Starts a rank's container, and what has it meet the others again; its deletion leaves nothing of either. */
  deploy(name: string, work: Work, options: pulumi.CustomResourceOptions): remote.Command {
    const texts = { create: RUN.deploy, delete: RUN.undeploy };
    return this.#work(name, work, scriptTexts().deploymentProgram, texts, options);
  }

  /** Waits until the ranks answer together; `stdout` is the endpoint's URL. */
  ready(name: string, work: Work, options: pulumi.CustomResourceOptions): remote.Command {
    return this.#work(name, work, scriptTexts().deploymentProgram, { create: RUN.ready }, options);
  }

  #work(
    name: string,
    { state, note, document, committedPayload, secret }: Work,
    program: string,
    texts: Pick<Operation, "create" | "delete">,
    options: pulumi.CustomResourceOptions,
  ): remote.Command {
    const due = state === "due";
    const committed = due ? undefined : committedPayload;
    const payload = committed ?? packPayload({ program }, document);
    const { loader } = scriptTexts();
    // Who needs no root needs no password.
    const stdin = DELETED_AS_ROOT.includes(texts.create)
      ? this.#stdin(payload, pulumi.output(""))
      : pulumi.output(renderStdin(loader, { payload, transactions: "" }));
    return this.#command(name, options, {
      ...texts,
      due,
      unknown: state === "unknown",
      note,
      stdin: secret ? pulumi.secret(stdin) : stdin,
    });
  }

  #staging(): Pick<Operation, "due" | "note"> {
    const { state, note } = this.#args.plan;
    return { due: state === "due", note };
  }

  #command(name: string, options: pulumi.CustomResourceOptions, operation: Operation): remote.Command {
    const { create, due, note, stdin } = operation;
    return new remote.Command(
      name,
      {
        connection: this.#connection(),
        create,
        update: due && note !== "" ? `${create} # ${note}` : create,
        ...(operation.delete === undefined ? {} : { delete: operation.delete }),
        stdin,
        addPreviousOutputInEnv: false,
        logging: remote.Logging.Stderr,
      },
      {
        ...options,
        hideDiffs: ["stdin"],
        ignoreChanges: this.#ignored(operation),
        retainOnDelete: this.#args.plan.state === "abandoned",
      },
    );
  }

  /**
   * On a settled host state keeps the one set of texts that committed it. A sudo password is the exception: destroy
   * uses the one in state, so a new one must get there. There the committed payload is sent again, not this release's.
   */
  #ignored({ due, unknown = false, create, asked }: Operation): string[] {
    if (unknown || this.#args.plan.state === "abandoned" || this.#args.plan.state === "unknown") {
      return [...SETTLED, "connection"];
    }
    if (due) {
      return [];
    }
    const sends = asked ?? (this.#args.sudoPassword !== undefined && DELETED_AS_ROOT.includes(create));
    return sends ? SETTLED.filter((input) => input !== "stdin") : SETTLED;
  }

  #stdin(payload: string, transactions: pulumi.Output<string>): pulumi.Output<string> {
    const { sudoPassword } = this.#args;
    const stdin = transactions.apply((ids) =>
      renderStdin(scriptTexts().loader, { sudoPassword, payload, transactions: ids }),
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
