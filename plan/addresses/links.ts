import type { NetworkConfig, PortNumber, SwitchRef } from "../../config/cluster";
import type { Subnet } from "../../config/subnets";

/** By twin. */
export type Twins<T> = readonly [T, T];

/** One end of a cable, by the host's number: addresses hang on numbers, never on names or positions. */
export interface NumberedEnd {
  readonly number: number;
  readonly port: PortNumber;
}

export interface CableToAddress {
  /** A switch is the second end. */
  readonly ends: readonly [NumberedEnd, NumberedEnd | SwitchRef];
  /** Explicit ones, CIDR by twin. */
  readonly subnets?: Twins<string>;
  /** Explicit ones, bare, by host number and twin. */
  readonly addresses?: ReadonlyMap<number, Twins<string>>;
}

export interface AddressedCable {
  /** CIDR by twin. */
  readonly subnets: Twins<string>;
  /** CIDR by twin, by host number; a switch has none. */
  readonly addresses: ReadonlyMap<number, Twins<string>>;
}

/** The part of the stack config that addresses hang on. */
export type AddressWish = Pick<NetworkConfig, "firstSubnet" | "prefixLength" | "pool">;

/** What shares one pair of subnets: a cable between two hosts, or the cables at one place of a switch. */
export interface Link {
  readonly slot: number;
  /** The two hosts' numbers, lower first; undefined at a switch. */
  readonly pair?: Twins<number>;
  readonly cables: readonly CableToAddress[];
  readonly explicit?: Twins<Subnet>;
}
