import { scriptTexts } from "../../components/scriptTexts";
import { packPayload, renderStdin } from "../../plan/payload";
import { Lab, type LabHost } from "../hosts/lab";
import { must } from "../hosts/process";
import { median, milliseconds, ratio } from "./measure";

const RUNS = 5;
const NAME = "bench";
const MEBIBYTES = 600;
const IMAGE = "bench/copied:1";
const MODEL = "bench/copied";
const FOLDER = ".cache/huggingface/hub/models--bench--copied";
const COMMIT = "7".repeat(40);

/** A way to copy, and what takes the last copy away. */
interface Copy {
  readonly run: () => Promise<unknown>;
  readonly forget: string;
}

/**
 * Our copies of an image and of a model from one virtual Spark to another, by the side of what people type for it there,
 * over the same address of a CX7 link.
 */
export async function benchCopies(): Promise<void> {
  console.log(`an image and a model of ${MEBIBYTES} MiB to another host; medians of ${RUNS} runs in turns`);
  const hosts = ["spark-1", "spark-2"].map((name) => ({ name, renderer: "networkd" as const }));
  const lab = await Lab.up({ name: NAME, fresh: true, stackFile: false, wiring: "pair", docker: true, hosts });
  try {
    await link(lab);
    const typed = (command: string) => () => must(lab.sshCommand("spark-1", [command]), { timeoutSeconds: 600 });
    const ours = (operation: string, lines: readonly string[]) => () => fetch(lab, operation, lines);
    await on(
      lab,
      "spark-1",
      `cd /var/tmp && head -c ${MEBIBYTES}M /dev/urandom >blob && tar -c blob | docker import - ${IMAGE}`,
    );
    const forgetImage = `docker rmi --force ${IMAGE}`;
    const image = await inTurnsAfresh(
      lab,
      { run: ours("image", [`image ${IMAGE}`]), forget: forgetImage },
      { run: typed(`docker save ${IMAGE} | ssh spark-2 docker load`), forget: forgetImage },
    );
    console.log(`image copy / docker save | ssh docker load: ${image} (at most 1.1)`);
    await makeModel(lab);
    const forgetModel = `rm -rf /home/nvidia/${FOLDER}`;
    const model = await inTurnsAfresh(
      lab,
      { run: ours("model", [`image ${IMAGE}`, `model ${MODEL}`]), forget: forgetModel },
      { run: typed(`rsync -a --mkpath ${FOLDER}/ spark-2:${FOLDER}/`), forget: forgetModel },
    );
    console.log(`model copy / rsync: ${model} (at most 1.1)`);
  } finally {
    await Lab.down(NAME);
  }
}

/** The ratio of two copies whose target has none of it each time; the first round doesn't count. */
async function inTurnsAfresh(lab: Lab, ...copies: readonly [Copy, Copy]): Promise<string> {
  const times: [number[], number[]] = [[], []];
  for (let round = 0; round <= RUNS; round += 1) {
    for (const [index, { run, forget }] of copies.entries()) {
      await on(lab, "spark-2", `${forget}; sync`);
      const time = await milliseconds(run);
      if (round > 0) times[index]?.push(time);
    }
  }
  return ratio(median(times[0]), median(times[1]));
}

/** One of our operations, as `up` runs it on the first host. */
function fetch(lab: Lab, operation: string, lines: readonly string[]): Promise<string> {
  const about = ["spark-mesh 1", "host spark-1", "stack organization/spark-mesh/bench", "operator bench"];
  const document = [...about, ...lines, "target spark-2", ""].join("\n");
  const { loader, fetchProgram } = scriptTexts();
  const stdin = renderStdin(loader, { payload: packPayload({ program: fetchProgram }, document), transactions: "" });
  return must(lab.sshCommand("spark-1", [`exec bash -s user ${operation}`]), { stdin, timeoutSeconds: 600 });
}

/** Addresses for the cable between the two hosts, and a way in over it by the second one's name. */
async function link(lab: Lab): Promise<void> {
  const [head, target] = lab.hosts as [LabHost, LabHost];
  for (const [{ name }, netdev, number] of [
    [head, "enp1s0f0np0", 11],
    [target, "enp1s0f1np1", 12],
  ] as const) {
    await on(lab, name, `ip link set ${netdev} mtu 9000 up && ip address add 192.168.177.${number}/24 dev ${netdev}`);
  }
  const key = await on(
    lab,
    head.name,
    `cd /home/nvidia/.ssh && ssh-keygen -q -t ed25519 -N '' -f id_ed25519 && echo 'spark-2 ${target.hostKey}' >known_hosts
     printf 'Host spark-2\\n  HostName 192.168.177.12\\n  HostKeyAlias spark-2\\n' >config
     chown nvidia: id_ed25519* known_hosts config && cat id_ed25519.pub`,
  );
  await on(lab, target.name, `echo '${key}' >>/home/nvidia/.ssh/authorized_keys`);
  await lab.linksReady();
}

/** A model on the first host as the hub's tool leaves it. */
async function makeModel(lab: Lab): Promise<void> {
  await on(
    lab,
    "spark-1",
    `cd /home/nvidia && mkdir -p ${FOLDER}/{refs,blobs,snapshots/${COMMIT}} && cd ${FOLDER} && printf ${COMMIT} >refs/main
     split --bytes=200M --numeric-suffixes /var/tmp/blob blobs/shard && echo '{}' >blobs/config
     ln -s ../../blobs/config snapshots/${COMMIT}/config.json
     for shard in blobs/shard*; do ln -s ../../$shard snapshots/${COMMIT}/\${shard##*/}.safetensors; done
     chown -R nvidia: /home/nvidia/.cache`,
  );
}

async function on(lab: Lab, host: string, command: string): Promise<string> {
  const { code, stdout, stderr } = await lab.exec(host, command, { timeoutSeconds: 600 });
  if (code !== 0) throw new Error(`${host}: ${command}: exit status ${code}: ${stderr}`);
  return stdout.trim();
}
