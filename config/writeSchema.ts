/** `npm run schema`: writes config/stack.schema.json anew. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { readDescriptions } from "./descriptions";
import { stackFileSchema } from "./stackFileSchema";

writeFileSync(
  join(__dirname, "stack.schema.json"),
  `${JSON.stringify(stackFileSchema(readDescriptions()), null, 2)}\n`,
);
