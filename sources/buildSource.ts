import { existsSync } from "node:fs";
import { join } from "node:path";
import { Faults } from "../config/faults";
import { type Checkout, checkedOut } from "./repository";

/** What builds an image, in the root of its repository: it is given `-t NAME`, then a recipe's `build_args`. */
export const BUILDER = "build-and-copy.sh";

/**
 * The repository that an image is built from.
 *
 * @param source `URL#COMMIT` with all 40 digits.
 * @throws Faults where it can't be had or builds nothing, without saying which deployment wants it.
 */
export function buildSource(source: string): Checkout {
  const checkout = checkedOut(source);
  if (!checkout) throw fault(`found ${JSON.stringify(source)}; allowed: URL#COMMIT of a git repository`);
  if (!existsSync(join(checkout.folder, BUILDER))) {
    throw fault(`${source}: has no ${BUILDER}, which is what builds the image; name a repository that has one`);
  }
  return checkout;
}

/** The repository that a recipe is of, where it builds images too. */
export function ownBuilder(checkout: Checkout | undefined): Checkout | undefined {
  return checkout && existsSync(join(checkout.folder, BUILDER)) ? checkout : undefined;
}

function fault(line: string): Faults {
  return new Faults("the build", [line]);
}
