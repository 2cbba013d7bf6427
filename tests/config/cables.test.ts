import { describe } from "vitest";
import { saysEach, three } from "./configs";

describe("cables that are wrong", () => {
  saysEach([
    [
      "a port used twice",
      {
        hosts: three,
        cables: [
          { from: "spark-1/0", to: "spark-2/1" },
          { from: "spark-3/0", to: "spark-2/1" },
        ],
      },
      ["cables[1]: spark-2/1 is already used by cables[0]; a port takes one cable"],
    ],
    [
      "a cable to nobody",
      { hosts: three, cables: [{ from: "spark-1/0", to: "spark-4/1" }] },
      [
        "cables[0].to: no host is named spark-4 (did you mean spark-1?); hosts: spark-1, spark-2, spark-3; a switch is written without a port",
      ],
    ],
    [
      "a cable without its far port",
      { hosts: three, cables: [{ from: "spark-1/0", to: "spark-2" }] },
      ["cables[0].to: spark-2 is a host; name its port: spark-2/0 or spark-2/1"],
    ],
    [
      "a cable on one host",
      { hosts: three, cables: [{ from: "spark-1/0", to: "spark-1/1" }] },
      ["cables[0]: both ends are on spark-1; a cable joins two hosts"],
    ],
    [
      "port 2",
      { hosts: three, cables: [{ from: "spark-1/2", to: "spark-2/0" }] },
      ['cables[0].from: found "spark-1/2"; allowed: a host and its port, e.g. spark-1/0; ports are 0 and 1'],
    ],
    [
      "no cables at all",
      { hosts: three, cables: [] },
      ["cables: found an empty list; leave cables out and they are discovered"],
    ],
  ]);
});
