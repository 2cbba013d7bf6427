import { expect, it } from "vitest";
import { parseTrust, TRUST_HELP } from "../../cli/trustArguments";
import { Faults } from "../../config/faults";

it("takes hosts, a stack, or both", () => {
  expect(parseTrust(["spark-1", "nvidia@10.0.0.12:2222"])).toEqual({
    hosts: ["spark-1", "nvidia@10.0.0.12:2222"],
    yes: false,
    replace: false,
    rotate: false,
    json: false,
  });
  expect(parseTrust(["--stack", "home", "--yes"])).toMatchObject({ hosts: [], stack: "home", yes: true });
  expect(parseTrust(["--rotate", "spark-2", "--stack", "home"])).toMatchObject({ hosts: ["spark-2"], rotate: true });
  expect(parseTrust(["--replace", "--json", "spark-2"])).toMatchObject({ replace: true, json: true });
  expect(parseTrust(["-h"])).toBe("help");
});

it.each([
  [[], "name them, or give --stack"],
  [["--rotate", "--stack", "home"], "found no hosts; name them"],
  [["--rotate", "--replace", "spark-1"], "--rotate and --replace"],
  [["--stack", "home", "--identity", "key"], "--stack and --identity"],
  [["--force", "spark-1"], "--help says what there is"],
])("refuses %j and says why", (args, why) => {
  expect(() => parseTrust(args)).toThrow(Faults);
  expect(() => parseTrust(args)).toThrow(why);
});

it("has every option in its help", () => {
  for (const option of ["stack", "yes", "replace", "rotate", "identity", "json", "help"]) {
    expect(TRUST_HELP).toContain(`--${option}`);
  }
});
