import { execFileSync } from "node:child_process";
import { afterEach, describe, expect, it } from "vitest";
import { inside } from "../inside";
import { factsOf } from "./ring";
import { articleRing, RingLab, wiringOf } from "./ringLab";

const ring = new RingLab("facts-shells");

/** What a file of a login shell may do: print before, leave a line unfinished, print later, and change what commands do. */
const noise = [
  "printf 'Welcome! {\"sparkMeshFacts\":1}\\n'",
  "echo warning >&2",
  "(for i in 1 2 3 4 5 6 7 8; do printf later; sleep 0.02; done) &",
  "printf 'no newline'",
].join("\n");
const exported = 'printf() { echo alias; builtin printf "$@"; }\nexport -f printf\nexport BASH_ENV=/etc/noise.sh\n';
const fishNoise = `printf 'Welcome! {"sparkMeshFacts":1}\\n'\necho warning >&2\nsh -c 'for i in 1 2 3 4 5 6 7 8; do printf later; sleep 0.02; done' &\nprintf 'no newline'\n`;

/** Makes a shell the login shell of all hosts, and has a file of the login user's print. */
async function loginShell(shell: string, file: string, text: string): Promise<void> {
  const write = `usermod -s ${shell} nvidia && echo 'echo BASH_ENV' >/etc/noise.sh && file=~nvidia/${file} && cp -p ~nvidia/.bashrc /root/bashrc &&
    runuser -u nvidia -- mkdir -p "$(dirname "$file")" && cat >"$file" && chown nvidia: "$file"`;
  await Promise.all(ring.lab.hosts.map(({ name }) => inside(ring.lab, name, write, { stdin: text })));
}

afterEach(async () => {
  const undo =
    "usermod -s /bin/bash nvidia && rm -rf ~nvidia/.zshenv ~nvidia/.zshrc ~nvidia/.config/fish /etc/noise.sh && mv /root/bashrc ~nvidia/.bashrc";
  await Promise.all(ring.lab.hosts.map(({ name }) => inside(ring.lab, name, undo)));
});

describe("a login shell that prints", () => {
  it.each([
    ["/bin/bash", ".bashrc", `${noise}\n${exported}`],
    ["/usr/bin/zsh", ".zshenv", noise],
    ["/usr/bin/fish", ".config/fish/config.fish", fishNoise],
  ])("%s with %s is no part of the facts", async (shell, file, text) => {
    await loginShell(shell, file, text);
    const said = execFileSync("ssh", ["-F", ring.lab.sshConfig, "spark-2", "true"], {
      encoding: "utf8",
      stdio: "pipe",
    });
    expect(said).toMatch(/Welcome!.*no newline/s);
    const { probes } = await ring.gather();
    expect(await ring.wiring(probes)).toEqual(wiringOf(articleRing));
    for (const { name } of ring.lab.hosts)
      expect(factsOf(probes, name)).toMatchObject({ hostname: name, netplanRead: true });
  });
});
