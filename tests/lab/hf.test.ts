import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { huggingFace, start } from "./standIn";

const cache = (...names: string[]) => join(huggingFace, "hub", ...names);

async function download(words: readonly string[], orders = {}, env = {}) {
  const hf = start("hf", ["download", ...words], { orders, env });
  return { code: await hf.ended, log: hf.log() };
}

describe("the stand-in for hf", () => {
  test("makes a cache entry like the real one's", async () => {
    const { code, log } = await download(["Acme/Whole"], { MODEL_SHARDS: "2", SHARD_BYTES: "100000" });
    expect(code).toBe(0);
    const folder = cache("models--Acme--Whole");
    const commit = readFileSync(join(folder, "refs", "main"), "utf8");
    expect(commit).toMatch(/^[0-9a-f]{40}$/);
    const snapshot = join(folder, "snapshots", commit);
    expect(log.trim().split("\n")).toContain(snapshot);
    expect(readdirSync(snapshot).sort()).toEqual([
      "config.json",
      "model-00001-of-00002.safetensors",
      "model-00002-of-00002.safetensors",
      "model.safetensors.index.json",
      "tokenizer_config.json",
    ]);
    expect(readlinkSync(join(snapshot, "config.json"))).toMatch(/^\.\.\/\.\.\/blobs\/[0-9a-f]{64}$/);
    expect(statSync(join(snapshot, "model-00002-of-00002.safetensors")).size).toBe(100_000);
    const index = JSON.parse(readFileSync(join(snapshot, "model.safetensors.index.json"), "utf8"));
    expect(new Set(Object.values(index.weight_map)).size).toBe(2);
  });

  test("resumes what was interrupted, and ends with the same bytes", async () => {
    const blobs = (model: string) => {
      const folder = cache(`models--Acme--${model}`, "blobs");
      return readdirSync(folder).map((name) => `${name} ${statSync(join(folder, name)).size}`);
    };
    const size = { SHARD_BYTES: "500000" };
    const broken = await download(["Acme/Broken"], { ...size, DOWNLOAD_FAILS_AFTER: "700000" });
    expect(broken).toMatchObject({ code: 1, log: expect.stringContaining("ConnectionError") });
    const partial = blobs("Broken").find((line) => line.includes(".incomplete"));
    expect(partial).toMatch(/ (131072|196608)$/);
    // Less than the whole: it needs what was fetched before.
    expect(await download(["Acme/Broken"], { ...size, DOWNLOAD_FAILS_AFTER: "900000" })).toMatchObject({ code: 0 });
    expect(blobs("Broken").filter((line) => line.endsWith(" 500000"))).toHaveLength(3);
    expect(blobs("Broken").join()).not.toContain("incomplete");
    const blob = join(cache("models--Acme--Broken", "blobs"), (partial ?? "").replace(/\.incomplete .*/, ""));
    const bytes = readFileSync(blob);
    expect(bytes.equals(Buffer.alloc(bytes.length, bytes.subarray(0, 32)))).toBe(true);
  });

  test("takes the time that it is told, and stops half-way on SIGTERM", async () => {
    const hf = start("hf", ["download", "Acme/Slow"], { orders: { DOWNLOAD_SECONDS: "20" } });
    await expect.poll(() => readdirSync(cache("models--Acme--Slow", "blobs")).join()).toContain(".incomplete");
    hf.child.kill("SIGTERM");
    expect(await hf.ended).toBe("SIGTERM");
  });

  test("knows branches and commits", async () => {
    const commit = "0123456789abcdef0123456789abcdef01234567";
    await download(["Acme/Pinned", "--revision", commit]);
    await download(["Acme/Pinned", "--revision", "refs/pr/1"]);
    expect(readdirSync(cache("models--Acme--Pinned", "snapshots"))).toHaveLength(2);
    expect(readdirSync(cache("models--Acme--Pinned", "snapshots"))).toContain(commit);
    expect(readdirSync(cache("models--Acme--Pinned", "refs"))).toEqual(["refs"]);
  });

  test.each([
    { words: ["gated/Model"], code: 1, says: "Access to model gated/Model is restricted" },
    { words: ["missing/Model"], code: 1, says: "Repository Not Found for missing/Model" },
    { words: ["Model"], code: 1, says: "'namespace/repo_name': 'Model'" },
    { words: ["Acme/Whole", "--token", "hf_x"], code: 2, says: "--token: seen by everybody" },
    { words: ["Acme/Whole", "--nope"], code: 2, says: "unrecognized arguments: --nope" },
  ])("refuses $words", async ({ words, code, says }) => {
    expect(await download(words)).toMatchObject({ code, log: expect.stringContaining(says) });
  });

  test("gives a gated model to whoever has a token, and nothing offline", async () => {
    expect(await download(["gated/Model"], {}, { HF_TOKEN: "hf_x" })).toMatchObject({ code: 0 });
    const offline = await download(["Acme/Other"], {}, { HF_HUB_OFFLINE: "1" });
    expect(offline).toMatchObject({ code: 1, log: expect.stringContaining("offline mode is enabled") });
  });
});
