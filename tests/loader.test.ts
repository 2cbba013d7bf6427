import { join } from "node:path";
import { expect, test } from "vitest";
import { must } from "../lab/hosts/process";
import { checkout } from "../lab/project";

const answer = async (script: string) => {
  const said = await must([process.execPath, "--require", join(checkout, "loader.cjs"), "-e", script]);
  return said.trim();
};

test.each([
  [
    "traces of the SDK's",
    `const tracing = require("@pulumi/pulumi/cmd/run/tracing");
     tracing.start("http://127.0.0.1:9/");
     console.log(tracing.newSpan("one").isRecording());
     process.exit();`,
    "true",
  ],
  ["the automation API", `console.log(typeof require("@pulumi/pulumi").automation.LocalWorkspace.create)`, "function"],
  ["messages of zod's in other languages", `console.log(typeof require("zod").locales.de().localeError)`, "function"],
  [
    "a function for a cloud",
    `require("@pulumi/pulumi").runtime.serializeFunction(() => 42).then(({ text }) => console.log(text.includes("42")))`,
    "true",
  ],
])("%s work where what they need is loaded later", async (_, script, expected) => {
  expect(await answer(script)).toBe(expected);
});

test("nothing of that is loaded before it is used", async () => {
  const loaded = await answer(`
    process.argv[1] = "none";
    require("@pulumi/pulumi/cmd/run/tracing");
    require("@pulumi/pulumi");
    require("zod");
    const packages = ["/typescript/", "arborist", "normalize-package-data", "sdk-trace-node", "locales/de", "automation"];
    console.log(packages.filter((name) => Object.keys(require.cache).some((path) => path.includes(name))).join(" "));
  `);
  expect(loaded).toBe("");
});

test("components load nothing of what plans: its thread has done that", async () => {
  const loaded = await answer(`
    require("./components/mesh");
    require("./components/vllmDeployment");
    const packages = ["/zod/", "/yaml/", "/ip-num/"];
    console.log(packages.filter((name) => Object.keys(require.cache).some((path) => path.includes(name))).join(" "));
  `);
  expect(loaded).toBe("");
});
