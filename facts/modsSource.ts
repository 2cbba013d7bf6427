import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { Faults } from "../config/faults";
import { checkedOut } from "./repository";

/**
 * The folder that a deployment's mods lie in: a folder of this machine, or a repository at a pinned commit.
 *
 * @param source a path, or `URL#COMMIT` with all 40 digits.
 * @throws Faults where it can't be had, without saying which deployment wants it.
 */
export function modsFolder(source: string): string {
  const checkout = checkedOut(source);
  if (checkout) return checkout.folder;
  const folder = source.replace(/^~(?=\/|$)/, homedir());
  if (!existsSync(folder)) throw new Faults("the mods", [`${source}: no such folder`]);
  return folder;
}
