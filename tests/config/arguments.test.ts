import { expect, expectTypeOf, it } from "vitest";
import type { z } from "zod";
import type {
  CableArguments,
  ClusterArguments,
  DeploymentArguments,
  EnvironmentArguments,
  HostArguments,
  NetworkArguments,
  SshArguments,
  SystemArguments,
} from "../../config/arguments";
import { readDescriptions } from "../../config/descriptions";
import { Faults } from "../../config/faults";
import { parseClusterArguments, stackArguments } from "../../config/load";
import type * as schema from "../../config/schema";
import { keyPaths } from "../../config/stackFileSchema";
import { hostKey, parse, raw, three } from "./configs";

/** A type without what its declarations may differ in: `readonly`, and whether undefined is as good as nothing. */
type Bare<T> = T extends readonly [infer A, infer B]
  ? [Bare<A>, Bare<B>]
  : T extends readonly (infer E)[]
    ? Bare<E>[]
    : T extends object
      ? {
          -readonly [K in keyof T]:
            | Bare<Exclude<T[K], undefined>>
            | (Record<never, never> extends Pick<T, K> ? undefined : never);
        }
      : T;

it("has the types of the schema", () => {
  expectTypeOf<Bare<HostArguments>>().toEqualTypeOf<Bare<z.input<typeof schema.host>>>();
  expectTypeOf<Bare<SshArguments>>().toEqualTypeOf<Bare<z.input<typeof schema.ssh>>>();
  expectTypeOf<Bare<CableArguments>>().toEqualTypeOf<Bare<z.input<typeof schema.cable>>>();
  expectTypeOf<Bare<NetworkArguments>>().toEqualTypeOf<Bare<z.input<typeof schema.network>>>();
  expectTypeOf<Bare<SystemArguments>>().toEqualTypeOf<Bare<z.input<typeof schema.system>>>();
  // The environment is judged by itself.
  expectTypeOf<Bare<Omit<DeploymentArguments, "env">>>().toEqualTypeOf<
    Bare<Omit<z.input<typeof schema.deployment>, "env">>
  >();
  expectTypeOf<Bare<EnvironmentArguments>>().toEqualTypeOf<Bare<z.input<typeof schema.environment>>>();
  expectTypeOf<keyof ClusterArguments>().toEqualTypeOf<schema.TopLevelKey>();
  expectTypeOf<ClusterArguments["topology"]>().toEqualTypeOf<z.input<typeof schema.topology>>();
  expectTypeOf<ClusterArguments["trust"]>().toEqualTypeOf<z.input<typeof schema.trust>>();
});

it("says what each key is, and has no key that the schema doesn't have", () => {
  const descriptions = readDescriptions();
  expect(Object.keys(descriptions).sort()).toEqual([...keyPaths].sort());
  for (const [path, text] of Object.entries(descriptions)) expect(text, path).toMatch(/\w.*[.)]$/s);
  expect(descriptions["network.mtu"]).toBe(
    "MTU of the CX7 netdevs, in bytes. A change restarts the links. Default: 9000.",
  );
});

const SECRET_KEYS = ["spark-mesh:sudoPassword", "spark-mesh:sudoPasswords", "spark-mesh:hfToken"];

it("is the same cluster as a program's and as a stack's", () => {
  const config = {
    hosts: [{ ...three[0], hostKey }, three[1]],
    ssh: { user: "nvidia" },
    sudoPassword: "12345",
    sudoPasswords: { "spark-2": "6789" },
    topology: "direct",
    network: { mtu: 4200 },
    trust: false,
    deployments: [{ name: "qwen", recipe: "x", overrides: { port: 8001 } }],
    hfToken: "31",
  };
  const args = stackArguments(raw({ ...config, "other:key": "value" }), "/home/me", SECRET_KEYS);
  expect(args).toEqual(config);
  expect(parseClusterArguments({ ...args }, "/home/me", "x")).toEqual(parse(config));
  expect(parse(config).hosts[0]?.sudoPassword).toBe("12345");
});

it("says everything that is wrong with a program's arguments, as arguments", () => {
  const wrong = { hosts: "spark-1", netwrk: {}, network: "x", cables: undefined, sudoPassword: "", hfToken: "" };
  const unusable = new Map([["hfToken", "not known"]]);
  const tell = () => parseClusterArguments(wrong, "/home/me", "the arguments of home", unusable);
  expect(tell).toThrow(Faults);
  expect(tell).toThrow(
    [
      "5 faults in the arguments of home:",
      "  hfToken: not known",
      "  netwrk: unknown key (did you mean network?); allowed: hosts, ssh, ",
    ].join("\n"),
  );
  expect(tell).toThrow('  hosts: found "spark-1"; allowed: a list of hosts\n');
  expect(tell).toThrow("  sudoPassword: allowed: one line, not empty\n");
  expect(tell).not.toThrow("pulumi config");
});

it("says nothing of a stack's config that is wrong but what is", () => {
  expect(() => stackArguments(raw({ hosts: three, hfToken: "canary" }), "/home/me", [])).toThrow(
    "hfToken: found in plain text",
  );
});
