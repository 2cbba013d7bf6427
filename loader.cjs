/**
 * Loads our TypeScript where Node.js starts with `--require ./loader.cjs`: sucrase strips its types, once for each text
 * of a file, and what was made of it is kept in node_modules/.cache. There Node.js 22 keeps what V8 compiled, too.
 * A cache that can't be read or written costs time and nothing else. What the SDK loads for functions that are sent
 * to a cloud, which is half of its start-up, waits until it is used.
 */
"use strict";

const { createHash } = require("node:crypto");
const { mkdirSync, readFileSync, renameSync, writeFileSync } = require("node:fs");
const Module = require("node:module");
const { join } = require("node:path");
const { addHook } = require("pirates");

const cache = join(__dirname, "node_modules", ".cache", "spark-mesh");
const sucraseVersion = require("sucrase/package.json").version;

/** What sucrase makes of a file's text. Every line stays where it is, so that a stack is right without a source map. */
function stripTypes(text) {
  const { transform } = require("sucrase");
  return transform(text, { transforms: ["imports", "typescript"] }).code;
}

/** Keeps a file's text; readers see all of it or none. */
function keep(path, text) {
  try {
    mkdirSync(cache, { recursive: true });
    const unfinished = `${path}.${process.pid}`;
    writeFileSync(unfinished, text);
    renameSync(unfinished, path);
  } catch {
    // The next run strips it again.
  }
}

function load(text) {
  // By its text alone: a copy of the project in another folder finds what was made of it here.
  const kept = join(cache, `${createHash("sha256").update(`${sucraseVersion}\0${text}`).digest("hex")}.js`);
  try {
    return readFileSync(kept, "utf8");
  } catch {
    const stripped = stripTypes(text);
    keep(kept, stripped);
    return stripped;
  }
}

const TRACING = "/@pulumi/pulumi/cmd/run/tracing.js";

/**
 * What is required at the start and used by few programs: by the SDK for functions that are sent to a cloud, for traces
 * and for driving other stacks, by zod for messages in other languages. Each with where it is required. Last, what maps
 * every stack back to the SDK's own TypeScript, which nothing ever asks for: the SDK takes a stack for each promise of a
 * resource, and our files need no map.
 */
const DEFERRED = {
  typescript: "/@pulumi/pulumi/",
  "@npmcli/arborist": "/@pulumi/pulumi/",
  "normalize-package-data": "/@pulumi/pulumi/",
  "./automation": "/@pulumi/pulumi/index.js",
  "@opentelemetry/exporter-zipkin": TRACING,
  "@opentelemetry/instrumentation": TRACING,
  "@opentelemetry/instrumentation-grpc": TRACING,
  "@opentelemetry/resources": TRACING,
  "@opentelemetry/sdk-trace-base": TRACING,
  "@opentelemetry/sdk-trace-node": TRACING,
  "../locales/index.cjs": "/zod/v4/",
  "source-map-support/register": "/@pulumi/pulumi/cmd/run/index.js",
};
const loadModule = Module._load;

/** Stands for a module, and loads it when anything of it is used. */
function deferred(args, takenApart) {
  const loadedValue = (key) => {
    const loaded = loadModule.apply(Module, args);
    return key === "default" && !loaded.__esModule ? loaded : loaded[key];
  };
  // What compiled TypeScript asks of a module first: one of its own kind is taken as it is.
  const get = (_, key) =>
    key === "__esModule" ? true : takenApart ? deferredFunction(loadedValue, key) : loadedValue(key);
  return new Proxy({}, { get });
}

/** Stands for a module's function or class, where it is taken out of the module long before it is called. */
function deferredFunction(loadedValue, key) {
  // An arrow function could not be called with `new`.
  return new Proxy(function later() {}, {
    apply: (_, self, args) => Reflect.apply(loadedValue(key), self, args),
    construct: (_, args) => Reflect.construct(loadedValue(key), args),
  });
}

Module._load = (...args) => {
  const [request, parent] = args;
  const place = Object.hasOwn(DEFERRED, request) ? DEFERRED[request] : undefined;
  return place !== undefined && parent?.filename?.includes(place)
    ? deferred(args, place === TRACING)
    : loadModule.apply(Module, args);
};

Module.enableCompileCache?.(join(cache, "compiled"));
addHook(load, { exts: [".ts"] });
