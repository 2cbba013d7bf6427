import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { Faults } from "../config/faults";

/**
 * Writes a file whole or not at all, where a symbolic link to it leads. A file that is there keeps its mode and owner; a
 * folder that isn't is made for its owner alone.
 *
 * @param mode of a new file.
 * @throws Faults where it can't be written; then it is as before.
 */
export function replaceFile(path: string, contents: string | Buffer, mode: number): void {
  let unfinished = "";
  try {
    const present = statSync(path, { throwIfNoEntry: false });
    const target = present ? realpathSync(path) : path;
    if (!existsSync(dirname(target))) mkdirSync(dirname(target), { mode: 0o700 });
    unfinished = `${target}.${process.pid}.new`;
    writeFileSync(unfinished, contents, { flag: "wx", mode });
    if (present) {
      const { uid, gid } = statSync(unfinished);
      if (uid !== present.uid || gid !== present.gid) chownSync(unfinished, present.uid, present.gid);
      chmodSync(unfinished, present.mode & 0o7777);
    }
    renameSync(unfinished, target);
  } catch (error) {
    if (unfinished !== "") rmSync(unfinished, { force: true });
    const why = error instanceof Error ? error.message : error;
    throw new Faults(path, [`found it not writable (${why}), wanted to write it anew; it is as before`]);
  }
}
