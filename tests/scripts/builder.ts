import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { standInReference } from "../../lab/hosts/image";

/** As the real one takes its words, and a few of its own: to take long, to fail, and to heed no name. */
const BUILDER = `#!/bin/bash
set -e
tag=vllm-node tf5=no ref=main dockerfile=Dockerfile
while (($#)); do
	case $1 in
	-t | --tag) tag=$2 && shift ;;
	--tf5) tf5=yes ;;
	--vllm-ref) ref=$2 && shift ;;
	--slow) dockerfile=Dockerfile.slow ;;
	--broken) echo 'ERROR: no wheels of vLLM' && echo 'give it another --vllm-ref' >&2 && exit 7 ;;
	--elsewhere) tag=lab/elsewhere ;;
	*) echo "Unknown parameter passed: $1" && exit 1 ;;
	esac
	shift
done
echo "Building image $tag"
docker build -t "$tag" -f "$dockerfile" --network none --build-arg "TF5=$tf5" --build-arg "VLLM_REF=$ref" .
`;

const dockerfile = (more = "") => `FROM ${standInReference}
ARG TF5
ARG VLLM_REF
ENV TF5=$TF5 VLLM_REF=$VLLM_REF
COPY version /version
${more}`;

/** A git repository of this machine that builds an image on the stand-in for vLLM, where a host has that. */
export class BuilderRepository {
  readonly folder = mkdtempSync(join(tmpdir(), "spark-mesh-builder-"));

  constructor() {
    this.#git("init", "--quiet");
    writeFileSync(join(this.folder, "build-and-copy.sh"), BUILDER, { mode: 0o755 });
    writeFileSync(join(this.folder, "Dockerfile"), dockerfile());
    writeFileSync(join(this.folder, "Dockerfile.slow"), dockerfile("RUN sleep 600 && touch /slept\n"));
  }

  /** Commits what builds an image with this in its /version, and returns the commit. */
  commit(version: string): string {
    writeFileSync(join(this.folder, "version"), `${version}\n`);
    this.#git("add", ".");
    this.#git("commit", "--quiet", "--allow-empty", "-m", version);
    return this.#git("rev-parse", "HEAD").trim();
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #git(...words: readonly string[]): string {
    const author = ["-c", "user.name=a", "-c", "user.email=a@example.com"];
    return execFileSync("git", ["-C", this.folder, ...author, ...words]).toString();
  }
}
