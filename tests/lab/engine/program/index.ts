import { readFileSync } from "node:fs";
import { remote, type types } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { Wish } from "./wish";

class Host extends pulumi.ComponentResource {
  readonly stage: remote.Command;

  constructor(
    wish: Wish,
    host: Wish["hosts"][number],
    password: pulumi.Output<string>,
    opts: pulumi.ComponentResourceOptions,
  ) {
    super("sample:index:Host", host.name, { mtu: host.mtu, links: [{ netdev: "enp1s0f0np0", mtu: host.mtu }] }, opts);
    const connection: types.input.remote.ConnectionArgs = {
      user: "tester",
      dialErrorLimit: 0,
      perDialTimeout: 20,
      ...(wish.connections?.[host.name] ?? wish.connection),
    };
    this.stage = new remote.Command(
      `${host.name}-stage`,
      {
        connection,
        create: `cat; echo create ${host.name}`,
        delete: `echo delete ${host.name}`,
        stdin: pulumi.interpolate`mtu ${host.mtu}\n`,
        addPreviousOutputInEnv: false,
        ...host.args,
      },
      { parent: this, hideDiffs: ["stdin"], ...host.options },
    );
    new remote.Command(
      `${host.name}-commit`,
      {
        connection,
        create: `read -r password; cat >/dev/null; echo commit ${host.name} ${"$"}{#password}`,
        delete: `echo undo ${host.name}`,
        stdin: pulumi.interpolate`${password}\n${this.stage.stdout}`,
        addPreviousOutputInEnv: false,
      },
      { parent: this, dependsOn: [this.stage] },
    );
    if (wish.warn) void pulumi.log.warn(wish.warn, this);
    if (wish.fault === "ResourceError") throw quick(new pulumi.ResourceError("the component says no", this, true));
    this.registerOutputs({ mtu: host.mtu });
  }
}

/** Node 20's `inspect`, which the SDK calls on a fault, takes many seconds over a frame in the SDK's own resource.ts. */
function quick<T extends Error>(fault: T): T {
  fault.stack = fault.message;
  return fault;
}

export = async () => {
  const wish = JSON.parse(readFileSync(process.env.SAMPLE_WISH ?? "", "utf8")) as Wish;
  if (wish.fault === "RunError") throw quick(new pulumi.RunError("the program says no"));
  const password = new pulumi.Config().requireSecret("password");
  const options: pulumi.ComponentResourceOptions = {};
  if (wish.retain !== undefined) options.retainOnDelete = wish.retain;
  const hosts = wish.hosts.map((host) => new Host(wish, host, password, options));
  return { names: wish.hosts.map((host) => host.name), ids: hosts.map((host) => host.stage.stdout), password };
};
