import { type StdioOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { promisify } from "node:util";
import * as grpc from "@grpc/grpc-js";
import { EngineService } from "@pulumi/pulumi/proto/engine_grpc_pb";
import type { LogRequest } from "@pulumi/pulumi/proto/engine_pb";
import { ResourceMonitorService } from "@pulumi/pulumi/proto/resource_grpc_pb";
import * as protocol from "@pulumi/pulumi/proto/resource_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import type { Deployment } from "./deployment";
import { readConfig } from "./project";

/** Runs the project's program against a deployment, as the Node.js language host does, until it exits. */
export async function runProgram(deployment: Deployment): Promise<void> {
  const { project, display } = deployment;
  const server = new grpc.Server({ "grpc.max_receive_message_length": 400 << 20 });
  for (const service of [ResourceMonitorService, EngineService] as grpc.ServiceDefinition[])
    server.addService(service, handlers(deployment));
  const port = await promisify(server.bindAsync.bind(server))("127.0.0.1:0", grpc.ServerCredentials.createInsecure());
  const args = [
    ...project.runtime.options.nodeargs.split(" "),
    require.resolve("@pulumi/pulumi/cmd/run", { paths: [process.cwd()] }),
    `--monitor=127.0.0.1:${port}`,
    `--engine=127.0.0.1:${port}`,
    "--organization=organization",
    `--project=${project.name}`,
    `--stack=${project.stack}`,
    `--root-directory=${process.cwd()}`,
    `--dry-run=${display.dryRun}`,
    project.main,
  ];
  const { values, secretKeys } = readConfig(project);
  const config = { PULUMI_CONFIG: JSON.stringify(values), PULUMI_CONFIG_SECRET_KEYS: JSON.stringify([...secretKeys]) };
  const stdio: StdioOptions = ["ignore", "inherit", "inherit"];
  const child = spawn(process.execPath, args, { stdio, env: { ...process.env, ...config } });
  const [code] = await once(child, "exit");
  server.forceShutdown();
  // 32 is what a program exits with that has told the user itself what was wrong.
  if (code === 32) deployment.failed = true;
  else if (code !== 0 && !deployment.failed) deployment.fail("", `Program exited with non-zero exit code: ${code}`);
}

/** What a program may call. What else it can't do without ends it: gRPC says that the method isn't implemented. */
function handlers(deployment: Deployment): grpc.UntypedServiceImplementation {
  const features = [protocol.ResourceMonitorFeature.RESOURCE_MONITOR_FEATURE_SECRETS];
  return {
    // Without aliases, transforms, hooks and the like among the features, the SDK refuses them by name.
    getDeploymentInfo: unary(async () => new protocol.DeploymentInfo().setSupportedfeaturesList(features)),
    registerResource: unary((request: protocol.RegisterResourceRequest) => deployment.register(request)),
    registerResourceOutputs: unary(async (request: protocol.RegisterResourceOutputsRequest) =>
      deployment.registerOutputs(request.getUrn(), request.getOutputs()?.toJavaScript() ?? {}),
    ),
    log: unary(async (request: LogRequest) => {
      // By number in the protocol; debug messages aren't shown.
      const severity = ["", "info", "warning", "error"][request.getSeverity()];
      // Once a step failed, the program only has echoes of that to tell.
      const echo = severity === "error" && deployment.failed;
      if (severity && !echo) deployment.display.message(severity, request.getUrn(), request.getMessage());
    }),
  };
}

function unary<I, O>(work: (request: I) => Promise<O>): grpc.handleUnaryCall<I, O | Empty> {
  return ({ request }, respond) => {
    // UNAVAILABLE is how the CLI's engine says that it is shutting down: the SDK then leaves without a word.
    const shutDown = (error: Error) => respond({ code: grpc.status.UNAVAILABLE, details: error.message });
    work(request).then((response) => respond(null, response ?? new Empty()), shutDown);
  };
}
