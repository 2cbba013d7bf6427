import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { scriptTexts } from "../../components/scriptTexts";

const folder = mkdtempSync(join(tmpdir(), "ranks-"));
const canary = join(folder, "canary");
const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Output of bash that has a program's functions. */
function bash(program: string, command: string, ...args: string[]): Promise<string> {
  const functions = program.replace(/^main "\$@"\n$/m, "");
  return new Promise((resolve, reject) => {
    const child = execFile("bash", ["-s", ...args], { cwd: folder, maxBuffer: 1 << 24 }, (error, stdout, stderr) =>
      error ? reject(new Error(`${error.message}${stderr}`)) : resolve(stdout.trim()),
    );
    child.stdin?.end(`${functions}\n${command}\n`);
  });
}
const ranks = (command: string, ...args: string[]) => bash(scriptTexts().ranksProgram, command, ...args);
const deploying = (command: string, ...args: string[]) => bash(scriptTexts().deploymentProgram, command, ...args);

/** The port of a server on loopback that does this with each connection. */
function serve(act: (socket: Socket) => void): Promise<number> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => undefined);
    act(socket);
  });
  ends.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port)));
}

const life = "0123456789ab/2026-11-23T17:25:17.767732447Z";
const later = "0123456789ab/2026-11-23T17:26:00Z";
const anew = "ba9876543210/2026-11-23T17:26:00Z";

describe("a worker", () => {
  test.each([
    ["joins the first head that it sees running", "running", "-", "running", life, "join"],
    ["stays in its epoch", "running", life, "running", life, "wait"],
    ["starts anew for another life of the head", "running", life, "running", later, "rank 0 has"],
    ["starts anew for another container of the head", "running", life, "running", anew, "rank 0 has"],
    [
      "starts anew while no head runs, to be fresh for the next",
      "running",
      life,
      "meeting",
      later,
      "rank 0 is meeting",
    ],
    ["starts anew when the head's container is gone", "running", life, "missing", "-", "rank 0 is missing"],
    ["that is fresh waits for a head", "running", "-", "exited", life, "wait"],
    ["does nothing while the head's host is silent", "running", life, "silent", "-", "wait"],
    ["does nothing while the head's Docker is", "running", life, "unknown", "-", "wait"],
    ["that was stopped by hand stays so", "exited", life, "running", later, "wait"],
    ["that Docker starts again waits", "restarting", life, "running", later, "wait"],
  ])("%s", async (_, status, joined, headStatus, head, wanted) => {
    const printed = await ranks('decide_worker "$@"; printf "%s" "$REPLY"', status, joined, headStatus, head);
    expect(printed).toBe(wanted);
  });
});

describe("a head", () => {
  const epoch = later;
  test.each([
    ["remembers a worker that joined", "-", "running", life, epoch, "remember"],
    ["finds one dead that may have joined in the life before", "-", "running", life, epoch, "died", "1"],
    ["waits for one that hasn't", "-", "running", life, "-", "wait"],
    ["waits for one that is in another epoch", "-", "running", life, life, "wait"],
    ["waits for one that never joined and is silent", "-", "silent", "-", "-", "wait"],
    ["leaves one that lives", life, "running", life, epoch, "alive"],
    ["leaves one that lives, whatever it remembers", life, "running", life, "-", "alive"],
    ["finds one dead that lives another life", life, "running", later, "-", "died"],
    ["finds one dead that lives another life in the same epoch", life, "running", later, epoch, "died"],
    ["finds one dead that Docker starts again", life, "restarting", life, epoch, "died"],
    ["finds one dead that was stopped", life, "exited", life, epoch, "died"],
    ["gives one time whose container was made anew", life, "running", anew, "-", "absent"],
    ["gives one time whose container is being removed", life, "removing", life, epoch, "absent"],
    ["gives one time whose container is gone", life, "missing", "-", "-", "absent"],
    ["gives one time whose host is silent", life, "silent", "-", "-", "absent"],
    ["gives one time whose Docker is", life, "unknown", "-", "-", "absent"],
  ])("%s", async (_, joined, status, started, inEpoch, wanted, restarts = "0") => {
    const said = [status, started, inEpoch, restarts];
    const printed = await ranks('judge_worker "$@"; printf "%s" "$REPLY"', epoch, joined, ...said);
    expect(printed).toBe(wanted);
  });
});

describe("what hosts answer", () => {
  const read = 'printf "%s|" "$rank_status" "$rank_started" "$rank_joined" "$rank_restarts"';
  /** What is made of an answer about rank 1 of a.b. */
  async function made(text: string): Promise<string> {
    const port = await serve((socket) => socket.end(text));
    return ranks(`status_port=${port}; ask_hosts 127.0.0.1 127.0.0.1; read_answer 127.0.0.1 a-b 1; ${read}`);
  }

  test("is read by the line", async () => {
    const text = `other 1 exited ${life} - 0\na-b 0 running ${later} - 0\na-b 1 running ${life} ${later} 3\nend\n`;
    expect(await made(text)).toBe(`running|${life}|${later}|3|`);
    expect(await made("end\n")).toBe("missing|-|-|0|");
  });

  test.each([
    "",
    `a-b 1 running ${life} ${later} 3\n`,
    `a-b 1 running ${life} ${later} 3\nen`,
    `${"x".repeat(20_000)}\na-b 1 running ${life} ${later} 3\nend\n`,
  ])("counts as silence where it isn't whole", async (text) => {
    expect(await made(text)).toBe("silent|-|-|0|");
  });

  test.each([
    `a-b 1 running $(touch ${canary}) - 0`,
    `a-b 1 running ${life} - a[$(touch ${canary})]`,
    `a-b 1 running ${life} - 99999999999999999999`,
    `a-b 1 \`touch ${canary}\` ${life} - 0`,
    `a.b 1 running ${life} - 0`,
    `a-b 1 running ${life} -`,
    "\u0000\u0001\u00ff*",
  ])("is never code, nor taken half: %s", async (line) => {
    expect(await made(`${line}\nend\n`)).toBe("missing|-|-|0|");
    expect(existsSync(canary)).toBe(false);
  });

  test("is waited for 3 s, from all at once, and read no further than its beginning", async () => {
    const silent = await serve(() => undefined);
    const endless = await serve((socket) => {
      const more = () => socket.writable && socket.write("x".repeat(65_536), () => setImmediate(more));
      more();
    });
    for (const port of [silent, endless]) {
      const began = performance.now();
      const printed = await ranks(
        `status_port=${port}; ask_hosts 127.0.0.1 127.0.0.2 127.0.0.3; read_answer 127.0.0.1 a-b 1; ${read}`,
      );
      expect(printed).toBe("silent|-|-|0|");
      expect(performance.now() - began).toBeLessThan(5000);
    }
  });

  test("says whether a worker would have to start anew", async () => {
    const fresh = (text: string) =>
      ranks(`answers[a]='${text}'; if workers_are_fresh x a b; then echo yes; else echo no; fi`);
    expect(await fresh(`x 1 running ${life} - 0\nend`)).toBe("yes");
    expect(await fresh(`x 1 running ${life} ${later} 0\nend`)).toBe("no");
    expect(await fresh(`x 1 restarting ${life} ${later} 0\nend`)).toBe("yes");
    expect(await fresh("end")).toBe("yes");
  });
});

describe("an endpoint", () => {
  const asked =
    'if http_model 127.0.0.1 "$1" 2 && http_completion 127.0.0.1 "$1" "$served_model" 2; then echo "yes $served_model"; else echo "no $http_status"; fi';
  const http = (status: string, body: string) =>
    `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
  const models = (id: string) => http("200 OK", `{"object":"list","data":[{"id":"${id}","object":"model"}]}`);
  /** A server of one model that answers completions like this; what it was sent. */
  async function outcome(id: string, completion: string): Promise<{ said: string; sent: string }> {
    let sent = "";
    const port = await serve((socket) =>
      socket.on("data", (data) => {
        sent += data.toString();
        if (data.toString().startsWith("GET /v1/models ")) socket.end(models(id));
        else if (completion !== "") socket.end(completion);
      }),
    );
    return { said: await deploying(asked, String(port)), sent };
  }

  test("is asked for a completion of the model that it serves", async () => {
    const { said, sent } = await outcome("Acme/Tiny 1", http("200 OK", '{"choices":[{"text":"x"}]}'));
    expect(said).toBe("yes Acme/Tiny 1");
    const body = sent.split("\r\n\r\n")[2] ?? "";
    expect(JSON.parse(body)).toEqual({ model: "Acme/Tiny 1", prompt: "Hello", max_tokens: 1 });
    expect(sent).toContain(`\r\nContent-Length: ${body.length}\r\n`);
  });

  test("has answered nothing where it hangs, fails, is no endpoint, or isn't there", async () => {
    expect((await outcome("a", "")).said).toBe("no silent");
    expect((await outcome("a", http("500 Internal Server Error", "{}"))).said).toBe("no 500");
    expect((await outcome("a", http("200 OK", "{}"))).said).toBe("no 200");
    expect(await deploying(asked, "1")).toBe("no refused");
    const noise = await serve((socket) => socket.end("\u0000".repeat(1 << 20)));
    expect(await deploying(asked, String(noise))).toBe("no 000");
  });

  test("names its model as data", async () => {
    const { said } = await outcome(`$(touch ${canary})\`touch ${canary}\``, http("200 OK", '{"choices":[]}'));
    expect(said).toBe(`yes $(touch ${canary})\`touch ${canary}\``);
    expect(existsSync(canary)).toBe(false);
  });
});

describe("a document", () => {
  const read = 'if read_line "$1" "$2"; then echo yes; else echo no; fi';
  test.each([
    ["deployment", "../x"],
    ["deployment", "a/b"],
    ["container", "--privileged"],
    ["peer", "0 spark-1 $(id)"],
    ["peer", "a[0] spark-1 10.0.0.1"],
    ["peer", "0 spark-1"],
    ["file", "../start.sh 755 eA=="],
    ["file", "mods/../../x 755 eA=="],
    ["file", "/etc/x 755 eA=="],
    ["file", "mods/x 4755 eA=="],
    ["folder", "home"],
    ["endpoint", "10.0.0.1 8000x"],
    ["limit", "0"],
    ["rank", "-1"],
    ["argument", "$(id)"],
    ["nonsense", "x"],
  ])("has no line `%s %s`", async (key, value) => {
    expect(await deploying(read, key, value)).toBe("no");
  });

  test.each([
    ["deployment", "qwen-3.5"],
    ["peer", "12 spark-1 fd00::1"],
    ["file", "mods/a.b/run.sh 755 eA=="],
    ["file", "mods/.hidden 644 -"],
    ["folder", "/home/the user/.cache"],
    ["argument", ""],
  ])("may have a line `%s %s`", async (key, value) => {
    expect(await deploying(read, key, value)).toBe("yes");
  });

  test("gives words to docker byte for byte", async () => {
    const words = ["run", "--env", "A=x\n\n", "", " * $(id) \\ é", "--env=B", "--label", "x", "image", "serve", "--x"];
    const printed = await deploying(
      `rank=0; peers=("spark-1 10.0.0.1"); docker() { printf '%s\\n' "\${*: -1}"; }
       for word; do arguments+=("$(printf %s "$word" | base64 -w0)"); done
       check_document; printf '%s\\0' "\${arguments[@]}" | base64 -w0
       arguments=(run --detach --privileged --env=B --label x image --y); find_image; printf ' %s' "$image"`,
      ...words,
    );
    const [encoded = "", image] = printed.split(" ");
    expect(Buffer.from(encoded, "base64").toString().split("\0").slice(0, -1)).toEqual(words);
    expect(image).toBe("image");
  });
});
