import { spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { join } from "node:path";
import { promisify } from "node:util";
import * as grpc from "@grpc/grpc-js";
import { EngineService } from "@pulumi/pulumi/proto/engine_grpc_pb";
import { type LogRequest, LogSeverity, SetRootResourceResponse } from "@pulumi/pulumi/proto/engine_pb";
import { ResourceMonitorService } from "@pulumi/pulumi/proto/resource_grpc_pb";
import * as protocol from "@pulumi/pulumi/proto/resource_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import type { Deployment } from "./deployment";
import { type Project, readConfig } from "./project";

/** Exit code of a program that has told the user itself what was wrong. */
const exitedWithMessage = 32;

/** Runs the project's program against a deployment, as the Node.js language host does, until it exits. */
export async function runProgram(project: Project, deployment: Deployment): Promise<void> {
  const { store, options } = deployment;
  const server = new grpc.Server({ "grpc.max_receive_message_length": 400 << 20 });
  for (const service of [ResourceMonitorService, EngineService] as grpc.ServiceDefinition[])
    server.addService(service, handlers(deployment));
  const bind = promisify(server.bindAsync.bind(server));
  const address = `127.0.0.1:${await bind("127.0.0.1:0", grpc.ServerCredentials.createInsecure())}`;
  const runner = createRequire(join(project.folder, "index.js")).resolve("@pulumi/pulumi/cmd/run");
  const args = [
    ...project.runtime.options.nodeargs.split(" "),
    runner,
    `--monitor=${address}`,
    `--engine=${address}`,
    "--organization=organization",
    `--project=${project.name}`,
    `--stack=${store.stack}`,
    `--root-directory=${project.folder}`,
    `--dry-run=${options.dryRun}`,
    project.main,
  ];
  const { values, secretKeys } = readConfig(project, store.stack);
  const config = { PULUMI_CONFIG: JSON.stringify(values), PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(secretKeys) };
  const child = spawn(process.execPath, args, {
    cwd: project.folder,
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, ...config },
  });
  const [code] = (await once(child, "exit")) as [number | null];
  server.forceShutdown();
  if (code === 0 || deployment.failed) return;
  if (code === exitedWithMessage) deployment.failed = true;
  else deployment.fail("", `Program exited with non-zero exit code: ${code}`);
}

const severities = {
  [LogSeverity.DEBUG]: undefined,
  [LogSeverity.INFO]: "info",
  [LogSeverity.WARNING]: "warning",
  [LogSeverity.ERROR]: "error",
} as const;

/** What a program may call. Anything else ends it: gRPC says that the server doesn't implement the method. */
function handlers(deployment: Deployment): grpc.UntypedServiceImplementation {
  const features = [protocol.ResourceMonitorFeature.RESOURCE_MONITOR_FEATURE_SECRETS];
  return {
    // Without aliases, transforms, hooks and the like among the features, the SDK refuses them by name.
    getDeploymentInfo: unary(async () => new protocol.DeploymentInfo().setSupportedfeaturesList(features)),
    registerResource: unary((request: protocol.RegisterResourceRequest) => deployment.register(request)),
    registerResourceOutputs: unary(async (request: protocol.RegisterResourceOutputsRequest) => {
      deployment.registerOutputs(request.getUrn(), request.getOutputs()?.toJavaScript() ?? {});
      return new Empty();
    }),
    signalAndWaitForShutdown: unary(async () => new Empty()),
    log: unary(async (request: LogRequest) => {
      const severity = severities[request.getSeverity()];
      // Once a step failed, the program only has echoes of that to tell.
      const echo = severity === "error" && deployment.failed;
      if (severity && !echo && !request.getEphemeral())
        deployment.display.message(severity, request.getUrn(), request.getMessage());
      return new Empty();
    }),
    setRootResource: unary(async () => new SetRootResourceResponse()),
  };
}

function unary<Request, Response>(
  work: (request: Request) => Promise<Response>,
): grpc.handleUnaryCall<Request, Response> {
  return (call, respond) => {
    // UNAVAILABLE is how the CLI's engine says that it is shutting down: the SDK then leaves without a word.
    const shutDown = (error: Error) => respond({ code: grpc.status.UNAVAILABLE, details: error.message });
    work(call.request).then((response) => respond(null, response), shutDown);
  };
}
