import type { Metadata } from "../recipe/recipe";

export const GIB = 1024 ** 3;
const SUFFIXES: Readonly<Record<string, number>> = { "": 1, k: 1e3, m: 1e6, b: 1e9, t: 1e12 };

/** Bytes of one parameter, by how recipes name its type. */
const BYTES: readonly (readonly [RegExp, number])[] = [
  [/^(float32|fp32)$/, 4],
  [/^(b?float16|bf16|fp16)$/, 2],
  [/^(fp8|float8|int8|w8a8)/, 1],
  [/^q8/, 1],
  [/^(nvfp4|mxfp4|fp4|int4|awq|gptq|auto-?round|w4a)/, 0.5],
  [/^q4/, 0.5],
];

/** Bytes of a model's weights over all of its ranks, from a recipe's metadata; undefined where it doesn't say. */
export function weightsOf({ model_vram, model_params, model_dtype, quantization }: Metadata): number | undefined {
  if (model_vram) return model_vram * GIB;
  const [, digits, suffix = ""] = /^([0-9.]+)([kmbt]?)$/.exec(String(model_params ?? "").toLowerCase()) ?? [];
  const type = String(model_dtype ?? quantization ?? "").toLowerCase();
  const bytes = BYTES.find(([pattern]) => pattern.test(type))?.[1];
  return digits === undefined || bytes === undefined ? undefined : Number(digits) * (SUFFIXES[suffix] ?? 1) * bytes;
}

export function inGib(bytes: number): string {
  return `${Math.round(bytes / GIB)} GiB`;
}
