/** The real vLLM for virtual Sparks, its CPU build: installed once a machine, and shown to all of them. */

import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { cacheRoot, makeWhole } from "./debian";
import type { StandInImage } from "./image";
import type { Lab } from "./lab";
import { must } from "./process";
import { ensureRootfs } from "./rootfs";
import type { Share } from "./state";

/** Where hosts have it, and containers that mount it from there. */
export const realVllmPlace = "/opt/vllm";

/** What the containers need besides: an image without stand-ins, but with a libnccl.so.2, which this vLLM doesn't use. */
export const realVllmImage: StandInImage = {
  reference: "spark-mesh-lab/vllm:real",
  standIns: false,
  packages: ["libnuma1", "libstdc++6", "libgomp1"],
};

const sourcesPlace = "/opt/real-vllm";
const sources = join(__dirname, "..", "real-vllm");
const installer = join(sources, "install.sh");

/** What a lab's hosts have to share; installed first if it isn't there, which takes 6 GB and some minutes. */
export async function realVllmShares(say: (line: string) => void = () => {}): Promise<readonly Share[]> {
  const rootfs = await ensureRootfs(true, say);
  const key = createHash("sha256").update(readFileSync(installer)).digest("hex").slice(0, 12);
  const tree = join(cacheRoot(), `vllm-${basename(rootfs)}-${key}`);
  if (!existsSync(tree)) {
    say("installing the real vLLM (6 GB, once on this machine)");
    await makeWhole(tree, async (aside) => {
      await must([installer, rootfs, aside, realVllmPlace], { timeoutSeconds: 1800 });
    });
  }
  return [
    { from: tree, to: realVllmPlace },
    { from: sources, to: sourcesPlace },
  ];
}

/** Makes the folder of a small model of random weights on a host that has the shares and the image. */
export async function makeTinyLlama(lab: Pick<Lab, "execCommand">, host: string, folder: string): Promise<void> {
  const mounted = [`${realVllmPlace}:${realVllmPlace}:ro`, `${sourcesPlace}:${sourcesPlace}:ro`, `${folder}:${folder}`];
  const command = [
    "docker run --rm --network none",
    ...mounted.map((volume) => `--volume ${volume}`),
    `--env PYTHONPATH=${realVllmPlace} ${realVllmImage.reference} python3 ${sourcesPlace}/tiny-llama.py ${folder}`,
  ].join(" ");
  await must(lab.execCommand(host, `${command} && chown -R nvidia: ${folder}`), { timeoutSeconds: 600 });
}
