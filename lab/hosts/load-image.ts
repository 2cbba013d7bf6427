/** How an image gets into Docker on virtual Sparks. */

import { type StandInImage, withArchive } from "./image";
import { must, type Outcome } from "./process";

/** Hosts in which commands run as root, as a lab has them. */
interface Insides {
  exec(host: string, command: string): Promise<Outcome>;
  /** A command of this machine that runs one in the host. */
  execCommand(host: string, command: string): readonly string[];
}

/** Loads an image on these hosts, all at once, where it isn't there yet. Returns its id. */
export function loadImage(
  lab: Insides,
  hosts: readonly string[],
  image: StandInImage,
  say: (line: string) => void,
): Promise<string> {
  return withArchive(image, say, async ({ folder, reference, id }) => {
    await Promise.all(hosts.map((host) => loadOn(lab, host, folder, { reference, id })));
    return id;
  });
}

async function loadOn(lab: Insides, host: string, folder: string, wanted: { reference: string; id: string }) {
  const found = async () =>
    (await lab.exec(host, `docker image inspect --format '{{.Id}}' ${wanted.reference}`)).stdout.trim();
  if ((await found()) === wanted.id) {
    return;
  }
  const pipe = 'set -o pipefail; folder=$1; shift; tar --directory "$folder" --dereference --create . | "$@"';
  await must(["bash", "-c", pipe, "load", folder, ...lab.execCommand(host, "docker load --quiet")]);
  const after = await found();
  if (after !== wanted.id) {
    throw new Error(`${host}: docker: found ${after} as ${wanted.reference} after loading it, wanted ${wanted.id}`);
  }
}
