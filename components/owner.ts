import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { homedir, hostname, userInfo } from "node:os";
import { join } from "node:path";
import { getOrganization, getProject, getStack } from "@pulumi/pulumi/runtime/settings";
import type { Owner } from "../plan/document";

/** The owner of this run. The backend's URL can hold credentials, so only a digest of it leaves this machine. */
export function currentOwner(): Owner {
  const backend = createHash("sha256").update(backendUrl()).digest("hex").slice(0, 8);
  return {
    stack: plainText(`${getOrganization()}/${getProject()}/${getStack()}`),
    operator: plainText(`${userInfo().username}@${hostname()} backend ${backend}`),
  };
}

function backendUrl(): string {
  const fromEnvironment = process.env.PULUMI_BACKEND_URL;
  if (fromEnvironment) {
    return fromEnvironment;
  }
  const home = process.env.PULUMI_HOME ?? join(homedir(), ".pulumi");
  try {
    const credentials: unknown = JSON.parse(readFileSync(join(home, "credentials.json"), "utf8"));
    return typeof credentials === "object" && credentials !== null && "current" in credentials
      ? String(credentials.current)
      : "";
  } catch {
    return "";
  }
}

function plainText(text: string): string {
  return text.replace(/[^A-Za-z0-9 ._/@:-]/g, "_");
}
