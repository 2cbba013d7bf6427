/** The real yaml-language-server, as an editor talks to it. */

import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const server = join(__dirname, "../../node_modules/yaml-language-server/bin/yaml-language-server");

export interface Diagnostic {
  readonly message: string;
  readonly range: { readonly start: { readonly line: number } };
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: unknown;
  readonly result?: unknown;
}

export class LanguageServer {
  readonly #child: ChildProcess;
  #received = Buffer.alloc(0);
  #requests = 0;
  readonly #answers = new Map<number, (result: unknown) => void>();
  readonly #diagnosed = new Map<string, (found: readonly Diagnostic[]) => void>();

  private constructor() {
    this.#child = spawn(process.execPath, [server, "--stdio"], { stdio: ["pipe", "pipe", "inherit"] });
    this.#child.stdout?.on("data", (bytes: Buffer) => this.#receive(bytes));
  }

  static async start(): Promise<LanguageServer> {
    const editor = new LanguageServer();
    await editor.#ask("initialize", { processId: process.pid, rootUri: null, capabilities: {} });
    editor.#send({ method: "initialized", params: {} });
    const settings = { yaml: { validate: true, completion: true, hover: true, schemaStore: { enable: false } } };
    editor.#send({ method: "workspace/didChangeConfiguration", params: { settings } });
    return editor;
  }

  /** Opens a text as the file at `path`, which need not be there, and returns what is wrong with it. */
  problems(path: string, text: string): Promise<readonly Diagnostic[]> {
    const uri = pathToFileURL(path).href;
    const found = new Promise<readonly Diagnostic[]>((resolve) => this.#diagnosed.set(uri, resolve));
    this.#send({
      method: "textDocument/didOpen",
      params: { textDocument: { uri, languageId: "yaml", version: 1, text } },
    });
    return found;
  }

  /** What the editor offers at a place of a file that is open. */
  async completions(path: string, line: number, character: number): Promise<readonly string[]> {
    const params = { textDocument: { uri: pathToFileURL(path).href }, position: { line, character } };
    const found = (await this.#ask("textDocument/completion", params)) as { readonly items: { label: string }[] };
    return found.items.map(({ label }) => label);
  }

  /** What the editor shows where the mouse rests. */
  async hover(path: string, line: number, character: number): Promise<string> {
    const params = { textDocument: { uri: pathToFileURL(path).href }, position: { line, character } };
    return JSON.stringify(await this.#ask("textDocument/hover", params));
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    await this.#ask("shutdown", null);
    this.#send({ method: "exit" });
    await ended;
  }

  #ask(method: string, params: unknown): Promise<unknown> {
    const id = ++this.#requests;
    this.#send({ id, method, params });
    return new Promise((resolve) => this.#answers.set(id, resolve));
  }

  #send(message: Message): void {
    const text = JSON.stringify({ jsonrpc: "2.0", ...message });
    this.#child.stdin?.write(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
  }

  #receive(bytes: Buffer): void {
    this.#received = Buffer.concat([this.#received, bytes]);
    for (;;) {
      const end = this.#received.indexOf("\r\n\r\n");
      const length = Number(/Content-Length: (\d+)/.exec(this.#received.subarray(0, end).toString())?.[1]);
      if (end < 0 || this.#received.length < end + 4 + length) return;
      const message: Message = JSON.parse(this.#received.subarray(end + 4, end + 4 + length).toString());
      this.#received = this.#received.subarray(end + 4 + length);
      this.#handle(message);
    }
  }

  #handle({ id, method, params, result }: Message): void {
    if (method === "textDocument/publishDiagnostics") {
      const { uri, diagnostics } = params as { readonly uri: string; readonly diagnostics: readonly Diagnostic[] };
      this.#diagnosed.get(uri)?.(diagnostics);
    } else if (method !== undefined && id !== undefined) this.#child.stdin && this.#answer(id);
    else if (id !== undefined) this.#answers.get(id)?.(result);
  }

  /** What the server asks its editor has no answer here. */
  #answer(id: number): void {
    const text = JSON.stringify({ jsonrpc: "2.0", id, result: null });
    this.#child.stdin?.write(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
  }
}
