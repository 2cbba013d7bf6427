/** The image that stands in for vLLM's on virtual Sparks: a small Debian, lab/vllm and a libnccl that does nothing. */

import { createHash } from "node:crypto";
import {
  copyFileSync,
  createReadStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { cacheRoot, mmdebstrap } from "./debian";
import { packageSource } from "./package-source";
import { must } from "./process";
import { writeAtomically } from "./state";

/** What an image of the stand-in is like; equal ones have the same id on every host. */
export interface StandInImage {
  /** @default "spark-mesh-lab/vllm:stand-in" */
  readonly reference?: string;
  /** What ncclGetVersion answers, 10000 x major + 100 x minor + patch; `false` for an image without NCCL. @default 23007 */
  readonly ncclVersion?: number | false;
  /** Environment of every container, for orders to the stand-in (see lab/vllm/vllm and lab/vllm/hf). @default none */
  readonly env?: Readonly<Record<string, string>>;
  /** Whether the stand-ins for vllm, hf and ray are in it. @default true */
  readonly standIns?: boolean;
  /** More Debian packages in it. @default none */
  readonly packages?: readonly string[];
}

/** An image as `docker load` reads it: `tar --dereference --create --directory FOLDER .` */
interface Archive {
  readonly folder: string;
  readonly reference: string;
  /** `sha256:...` */
  readonly id: string;
}

export const standInReference = "spark-mesh-lab/vllm:stand-in";

const sources = join(__dirname, "..", "vllm");
const programs = ["vllm", "hf", "ray"];
const home = "opt/spark-mesh-lab";
const nccl = "usr/lib/python3/dist-packages/nvidia/nccl/lib/libnccl.so.2";
const variables = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "PYTHONDONTWRITEBYTECODE=1"];
const basePackages = ["python3", "procps"];
const options = [
  "--variant=essential",
  "--format=tar",
  // Docker makes a container's devices.
  "--skip=output/dev",
  ...["doc", "man", "locale"].map((folder) => `--dpkgopt=path-exclude=/usr/share/${folder}/*`),
];

/** Makes an image's archive, gives it to `use`, and removes it. */
export async function withArchive<T>(
  image: StandInImage,
  say: (line: string) => void,
  use: (archive: Archive) => Promise<T>,
): Promise<T> {
  const base = await ensureBase([...basePackages, ...(image.packages ?? [])], say);
  const folder = mkdtempSync(join(tmpdir(), "spark-mesh-image-"));
  try {
    return await use(await makeArchive(folder, base, image));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function makeArchive(folder: string, base: string, image: StandInImage): Promise<Archive> {
  const { reference = standInReference, ncclVersion = 23007, env = {}, standIns = true } = image;
  symlinkSync(base, join(folder, "base.tar"));
  await makeLayer(join(folder, "stand-in.tar"), standIns, ncclVersion);
  const layers = ["base.tar", "stand-in.tar"];
  const digests = [await digestOfBase(base), await digestOf(join(folder, "stand-in.tar"))];
  const own = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const config = JSON.stringify({
    architecture: { x64: "amd64", arm64: "arm64" }[process.arch as string] ?? process.arch,
    os: "linux",
    config: { Env: [...variables, ...own], Cmd: ["bash"], WorkingDir: "/workspace" },
    rootfs: { type: "layers", diff_ids: digests.map((digest) => `sha256:${digest}`) },
    history: layers.map((layer) => ({ created_by: `spark-mesh lab: ${layer}` })),
  });
  const id = createHash("sha256").update(config).digest("hex");
  writeFileSync(join(folder, `${id}.json`), config);
  writeFileSync(
    join(folder, "manifest.json"),
    JSON.stringify([{ Config: `${id}.json`, RepoTags: [reference], Layers: layers }]),
  );
  return { folder, reference, id: `sha256:${id}` };
}

/** The stand-in's own files, as a tar that is the same whenever they are. */
async function makeLayer(path: string, standIns: boolean, ncclVersion: number | false): Promise<void> {
  const root = `${path}.root`;
  const inside = (place: string) => {
    mkdirSync(dirname(join(root, place)), { recursive: true });
    return join(root, place);
  };
  if (standIns) {
    for (const name of readdirSync(sources).filter((file) => programs.includes(file) || file.endsWith(".py"))) {
      copyFileSync(join(sources, name), inside(`${home}/${name}`));
    }
    for (const program of programs) {
      symlinkSync(`/${home}/${program}`, inside(`usr/local/bin/${program}`));
    }
  }
  if (ncclVersion !== false) {
    const object = `${path}.o`;
    await must(["tcc", "-c", `-DNCCL_VERSION=${ncclVersion}`, "-o", object, join(sources, "nccl.c")]);
    // What tcc links asks for an executable stack, which newer loaders refuse.
    await must(["ld", "-shared", "-z", "noexecstack", "-soname", "libnccl.so.2", "-o", inside(nccl), object]);
    rmSync(object);
  }
  const same = ["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "--mode=u=rwX,go=rX"];
  await must(["tar", "--create", ...same, "--directory", root, "--file", path, "."]);
  rmSync(root, { recursive: true });
}

/** The tar of the small Debian, made first if it isn't there. */
async function ensureBase(packages: readonly string[], say: (line: string) => void): Promise<string> {
  const source = packageSource();
  const key = createHash("sha256").update(JSON.stringify([source.suite, source.components, packages, options]));
  const path = join(cacheRoot(), `image-${source.suite}-${key.digest("hex").slice(0, 12)}.tar`);
  if (!existsSync(path)) {
    say(`making the file system of the stand-in for vLLM (${source.suite}, once on this machine)`);
    rmSync(`${path}.sha256`, { force: true });
    await mmdebstrap(source, path, { options, packages, say });
  }
  return path;
}

/** Kept beside the base: it takes a while to work out. */
async function digestOfBase(base: string): Promise<string> {
  const path = `${base}.sha256`;
  if (!existsSync(path)) {
    writeAtomically(path, await digestOf(base));
  }
  return readFileSync(path, "utf8");
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) {
    hash.update(chunk);
  }
  return hash.digest("hex");
}
