import { z } from "zod";
import { Faults } from "../config/faults";
import { newerVersion } from "./record";

/** One of our own files as a script prints it. null: no such file; false: there, and unreadable; else its text. */
export const rawOwnFile = z.union([z.string(), z.literal(false), z.null()]);

type RawOwnFile = z.infer<typeof rawOwnFile>;

/** One of our own files on the host. @throws Faults where it is not what we write */
export function ownFile<T>(host: string, path: string, schema: z.ZodType<T>, raw: RawOwnFile): T | undefined {
  if (raw === null) return undefined;
  const fault = (what: string) =>
    new Faults("the hosts", [`${host}: ${path} ${what}; move it away (sudo mv ${path} ${path}.damaged) and run again`]);
  if (raw === false) throw fault("can't be read by the login user, who should be able to");
  let json: unknown;
  try {
    json = JSON.parse(raw);
  } catch {
    throw fault("is damaged (no JSON)");
  }
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  const version = newerVersion(json);
  if (version !== undefined) {
    throw new Faults("the hosts", [
      `${host}: ${path} has version ${version}, and this release knows version 1; use the release that wrote it`,
    ]);
  }
  throw fault(`is damaged (${result.error.issues[0]?.path.join(".").replace(/[^\w.]/g, "_") ?? ""})`);
}
