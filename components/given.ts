import type * as pulumi from "@pulumi/pulumi";

/**
 * The arguments of a component that makes its children in `initialize`. The engine is told what is to be recorded of
 * them, and shows its changes; `initialize` reads them as they were given.
 */
export class Given<T> {
  readonly #value: T;

  constructor(value: T, recorded: pulumi.Inputs = {}) {
    Object.assign(this, recorded);
    this.#value = value;
  }

  read(): T {
    return this.#value;
  }
}
