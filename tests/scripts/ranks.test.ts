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
const meeting = "0123456789abcdef";
const former = "fedcba9876543210";

describe("a worker", () => {
  test.each([
    ["starts anew for a head that waits", "running", "-", "meeting", meeting, "start"],
    ["starts anew for another meeting of it", "running", former, "meeting", meeting, "start"],
    ["that is fresh waits for its head", "running", meeting, "meeting", meeting, "wait"],
    ["leaves it to a head that runs", "running", "-", "running", meeting, "wait"],
    ["leaves it to a head that runs by itself", "running", former, "running", "-", "wait"],
    ["does nothing for a head that is gone", "running", former, "missing", "-", "wait"],
    ["does nothing for a head that was stopped by hand", "running", former, "exited", former, "wait"],
    ["does nothing for a meeting without a name", "running", former, "meeting", "-", "wait"],
    ["does nothing while the head's host is silent", "running", former, "silent", "-", "wait"],
    ["does nothing while the head's Docker is", "running", former, "unknown", "-", "wait"],
    ["that was stopped by hand stays so", "exited", former, "meeting", meeting, "wait"],
    ["that Docker starts again waits", "restarting", former, "meeting", meeting, "wait"],
  ])("%s", async (_, status, own, headStatus, head, wanted) => {
    const printed = await ranks('decide_worker "$@"; printf "%s" "$REPLY"', status, own, headStatus, head);
    expect(printed).toBe(wanted);
  });
});

describe("a head", () => {
  test.each([
    ["leaves one that is in its meeting", "", "running", meeting, "alive"],
    ["finds one dead that lives another life", "", "running", "-", "died"],
    ["finds one dead that is in another meeting", "", "running", former, "died"],
    ["finds one dead that Docker starts again", "", "restarting", "-", "died"],
    ["finds one dead that was stopped", "", "exited", "-", "died"],
    ["gives one time whose container is being removed", "", "removing", meeting, "absent"],
    ["gives one time whose container is gone", "", "missing", "-", "absent"],
    ["gives one time whose host is silent", "", "silent", "-", "absent"],
    ["gives one time whose Docker is", "", "unknown", "-", "absent"],
    ["waits for one that was late and is silent", "2 1", "silent", "-", "wait"],
    ["waits for one that was late and is stopped", "1", "exited", "-", "wait"],
    ["meets one anew that was late", "1 2", "running", "-", "came"],
    ["leaves one that was seen late and is in its meeting", "1", "running", meeting, "alive"],
    ["takes no rank for another that was late", "11 21", "silent", "-", "absent"],
  ])("%s", async (_, late, status, own, wanted) => {
    const printed = await ranks('judge_worker "$@"; printf "%s" "$REPLY"', meeting, "1", late, status, own);
    expect(printed).toBe(wanted);
  });
});

describe("what hosts answer", () => {
  const read = 'printf "%s|" "$rank_status" "$rank_started" "$rank_meeting" "$rank_restarts"';
  /** What is made of an answer about rank 1 of a.b. */
  async function made(text: string): Promise<string> {
    const port = await serve((socket) => socket.end(text));
    return ranks(`status_port=${port}; ask_hosts 127.0.0.1 127.0.0.1; read_answer 127.0.0.1 a-b 1; ${read}`);
  }

  test("is read by the line", async () => {
    const text = `other 1 exited ${life} - 0\na-b 0 running ${life} - 0\na-b 1 running ${life} ${meeting} 3\nend\n`;
    expect(await made(text)).toBe(`running|${life}|${meeting}|3|`);
    expect(await made("end\n")).toBe("missing|-|-|0|");
  });

  test.each([
    "",
    `a-b 1 running ${life} ${meeting} 3\n`,
    `a-b 1 running ${life} ${meeting} 3\nen`,
    `${"x".repeat(20_000)}\na-b 1 running ${life} ${meeting} 3\nend\n`,
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

  test("says which workers aren't fresh for a meeting", async () => {
    const late = (text: string) =>
      ranks(`answers[a]='${text}'; addresses=(h a a); find_late x ${meeting}; echo "\${late[*]}"`);
    const worker = (rank: number, status: string, own: string) => `x ${rank} ${status} ${life} ${own} 0\n`;
    expect(await late(`${worker(1, "running", meeting)}${worker(2, "running", meeting)}end`)).toBe("");
    expect(await late(`${worker(1, "running", former)}${worker(2, "running", meeting)}end`)).toBe("1");
    expect(await late(`${worker(1, "running", meeting)}${worker(2, "restarting", meeting)}end`)).toBe("2");
    expect(await late("end")).toBe("1 2");
    expect(await late("")).toBe("1 2");
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
    const port = await serve((socket) => {
      let request = "";
      socket.on("data", (data) => {
        request += data.toString();
        const [head = "", body = ""] = request.split("\r\n\r\n");
        if (!request.includes("\r\n\r\n") || body.length < Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0))
          return;
        sent += request;
        if (head.startsWith("GET /v1/models ")) socket.end(models(id));
        else if (completion !== "") socket.end(completion);
      });
    });
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
  const read = 'if read_line "$1" "$2" || read_own_line "$1" "$2"; then echo yes; else echo no; fi';
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
    const words = [
      "run",
      "--env",
      "A=x\n\n",
      "--label",
      "",
      "--x= * $(id) \\ é",
      "--env=B",
      "-v",
      "x",
      "image",
      "serve",
      "--x",
    ];
    const printed = await deploying(
      `rank=0; peers=("spark-1 10.0.0.1")
       for word; do arguments+=("$(printf %s "$word" | base64 -w0)"); done
       check_document; printf '%s\\0' "\${arguments[@]}" | base64 -w0`,
      ...words,
    );
    expect(Buffer.from(printed, "base64").toString().split("\0").slice(0, -1)).toEqual(words);
  });

  test("is parted at the image, and a variable that a line can hold is in no command line", async () => {
    const long = `LONG=${"x".repeat(70_000)}`;
    const printed = await deploying(
      `arguments=("$@" --env "$(printf 'LONG=%70000s' '' | tr ' ' x)" image serve --env KEY=own)
       part_arguments
       for list in options variables words; do
         declare -n values=$list; printf '%s\\0' "$reference" "\${values[@]}" | base64 -w0; printf '\\n'
       done`,
      ...["run", "--detach", "--env", "KEY= # a=b ", "--privileged", "--label", "x", "--env", "EMPTY="],
      ...["--env", "LINES=a\nb", "--env", "RETURN=a\r", "--env", "BARE", "--gpus=all"],
    );
    const [options, variables, words] = printed
      .split("\n")
      .map((line) => Buffer.from(line, "base64").toString().split("\0").slice(1, -1));
    expect(variables).toEqual(["KEY= # a=b ", "EMPTY="]);
    expect(options).toEqual([
      ...["--detach", "--privileged", "--label", "x", "--env", "LINES=a\nb", "--env", "RETURN=a\r", "--env", "BARE"],
      ...["--gpus=all", "--env", long],
    ]);
    expect(words).toEqual(["serve", "--env", "KEY=own"]);
  });
});
