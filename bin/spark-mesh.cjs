#!/usr/bin/env node
/** Starts the command: in a clone its TypeScript as it is, in the npm package what was built from it. */
"use strict";

const { existsSync } = require("node:fs");
const { join } = require("node:path");

const source = join(__dirname, "..", "cli", "main.ts");
if (existsSync(source)) require("../loader.cjs");
const { main } = require(existsSync(source) ? source : "../dist/cli/main.js");
main(process.argv.slice(2));
