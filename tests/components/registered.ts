import type * as pulumi from "@pulumi/pulumi";

/** A resource as the program registered it. */
export interface Registered {
  readonly type: string;
  readonly name: string;
  readonly inputs: Record<string, unknown>;
  readonly options: pulumi.CustomResourceOptions;
}

export const COMMAND = "command:remote:Command";

/** Every resource of the file's tests so far, in their order; a test empties it. */
export const registered: Registered[] = [];

/** Records whatever is registered below a component that has it. */
export const record: pulumi.ResourceTransformation = ({ type, name, props, opts }) => {
  registered.push({ type, name, inputs: props, options: opts });
  return undefined;
};
