import type { Word } from "../recipe/command";
import type { Parameters } from "../recipe/parameters";
import type { Parallel, RankHost } from "./ranks";

/** What a launcher knows of a deployment. */
export interface Meeting {
  readonly words: readonly Word[];
  readonly parallel: Parallel;
  readonly parameters: Parameters;
  /** One a rank, in rank order; the first is the head. */
  readonly hosts: readonly RankHost[];
}

/** What one rank runs. */
interface RankCommand {
  readonly argv: readonly string[];
  /** Run in the container before it, to its end. */
  readonly before?: readonly string[];
}

/** What all ranks run. */
export interface Launch {
  readonly ranks: readonly RankCommand[];
  readonly env: Readonly<Record<string, string>>;
  /** What is listened at on the head beside the endpoint. */
  readonly ports: readonly number[];
  readonly warnings: readonly string[];
  readonly faults: readonly string[];
}

/** How ranks meet. */
export type Launcher = (meeting: Meeting) => Launch;
