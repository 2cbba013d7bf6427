import { spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { join } from "node:path";
import * as grpc from "@grpc/grpc-js";
import { EngineService } from "@pulumi/pulumi/proto/engine_grpc_pb";
import { type LogRequest, LogSeverity, SetRootResourceResponse } from "@pulumi/pulumi/proto/engine_pb";
import { ResourceMonitorService } from "@pulumi/pulumi/proto/resource_grpc_pb";
import {
  DeploymentInfo,
  type RegisterResourceOutputsRequest,
  type RegisterResourceRequest,
  RegisterResourceResponse,
  ResourceMonitorFeature,
} from "@pulumi/pulumi/proto/resource_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { type JavaScriptValue, Struct } from "google-protobuf/google/protobuf/struct_pb";
import type { Deployment } from "./deployment";
import type { Config, Project } from "./project";
import type { Values } from "./values";

/** Exit code of a program that has told the user itself what was wrong. */
const exitedWithMessage = 32;
const struct = (values: Values) => Struct.fromJavaScript(values as Record<string, JavaScriptValue>);

/**
 * Runs the project's program against a deployment, as the Node.js language host does, until it exits.
 * Faults of the program go to the deployment's display; false says that there were some.
 */
export async function runProgram(
  project: Project,
  stack: string,
  config: Config,
  deployment: Deployment,
): Promise<boolean> {
  const server = new grpc.Server({ "grpc.max_receive_message_length": 400 << 20 });
  server.addService(ResourceMonitorService as grpc.ServiceDefinition, monitor(deployment));
  server.addService(EngineService as grpc.ServiceDefinition, engine(deployment));
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  const { dryRun, parallel } = deployment.options;
  const run = createRequire(join(project.folder, "index.js")).resolve("@pulumi/pulumi/cmd/run");
  const flags = {
    monitor: `127.0.0.1:${port}`,
    engine: `127.0.0.1:${port}`,
    organization: "organization",
    project: project.name,
    "root-directory": project.root,
    stack,
    pwd: project.folder,
    parallel: String(parallel),
  };
  const child = spawn(
    process.execPath,
    [
      ...project.nodeargs,
      run,
      ...Object.entries(flags).flatMap(([key, value]) => [`--${key}`, value]),
      ...(dryRun ? ["--dry-run"] : []),
      project.main,
    ],
    {
      cwd: project.folder,
      stdio: ["ignore", "inherit", "inherit"],
      env: {
        ...process.env,
        PULUMI_CONFIG: JSON.stringify(
          Object.fromEntries(
            Object.entries(config.values).map(([key, value]) => [key.replace(":", ":config:"), value]),
          ),
        ),
        PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(config.secretKeys),
        ...(project.typescript && { PULUMI_NODEJS_TYPESCRIPT: "true" }),
        ...(project.tsconfig && { PULUMI_NODEJS_TSCONFIG_PATH: project.tsconfig }),
      },
    },
  );
  // A program that doesn't notice the end of the run is ended; what runs on the hosts still comes to its end.
  let idleSeconds = 0;
  const watch = setInterval(() => deployment.failed && ++idleSeconds === 10 && child.kill(), 1000);
  const [code] = (await once(child, "exit")) as [number | null];
  clearInterval(watch);
  server.forceShutdown();
  if (code === 0 || deployment.failed) return code === 0;
  if (code !== exitedWithMessage)
    deployment.display.diagnostic("error", "", `Program exited with non-zero exit code: ${code}`);
  return false;
}

function monitor(deployment: Deployment): grpc.UntypedServiceImplementation {
  return strict(ResourceMonitorService as grpc.ServiceDefinition, deployment, {
    // Aliases, transforms, hooks and the like stay out of this list: the SDK then refuses them by name.
    getDeploymentInfo: async () =>
      new DeploymentInfo().setSupportedfeaturesList([ResourceMonitorFeature.RESOURCE_MONITOR_FEATURE_SECRETS]),
    registerResource: async (request: RegisterResourceRequest) => {
      const { urn, id, outputs, skipped } = await deployment.register(request);
      return new RegisterResourceResponse().setUrn(urn).setId(id).setObject(struct(outputs)).setUnknown(skipped);
    },
    registerResourceOutputs: async (request: RegisterResourceOutputsRequest) => {
      deployment.registerOutputs(request.getUrn(), (request.getOutputs()?.toJavaScript() ?? {}) as Values);
      return new Empty();
    },
    signalAndWaitForShutdown: async () => new Empty(),
  });
}

function engine(deployment: Deployment): grpc.UntypedServiceImplementation {
  return strict(EngineService as grpc.ServiceDefinition, deployment, {
    log: async (request: LogRequest) => {
      const severity = {
        [LogSeverity.DEBUG]: undefined,
        [LogSeverity.INFO]: "info",
        [LogSeverity.WARNING]: "warning",
        [LogSeverity.ERROR]: "error",
      } as const;
      const found = severity[request.getSeverity()];
      // Once a step failed, the program only has echoes of that to tell.
      if (found && !request.getEphemeral() && !(found === "error" && deployment.failed))
        deployment.display.diagnostic(found, request.getUrn(), request.getMessage());
      return new Empty();
    },
    setRootResource: async () => new SetRootResourceResponse(),
  });
}

/** Handlers of a service; a call that has none ends the run with a message. */
function strict(
  service: grpc.ServiceDefinition,
  deployment: Deployment,
  handlers: Record<string, (request: never) => Promise<unknown>>,
): grpc.UntypedServiceImplementation {
  const refuse = (name: string) => async () => {
    deployment.fail("", `lab engine: the call ${name} is not implemented`);
    throw new Error(`lab engine: ${name}`);
  };
  const unary = (work: (request: never) => Promise<unknown>): grpc.handleUnaryCall<unknown, unknown> => {
    return (call, respond) => {
      // UNAVAILABLE is how the CLI's engine says that it is shutting down: the SDK then leaves without a word.
      const shutDown = (error: Error) => respond({ code: grpc.status.UNAVAILABLE, details: error.message });
      work(call.request as never).then((response) => respond(null, response), shutDown);
    };
  };
  return Object.fromEntries(Object.keys(service).map((name) => [name, unary(handlers[name] ?? refuse(name))]));
}
