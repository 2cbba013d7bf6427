import { expect, it } from "vitest";
import { DISCOVER_HELP, parseDiscover } from "../../cli/arguments";
import { Faults } from "../../config/faults";

it("takes hosts, a stack or another tool's file", () => {
  expect(parseDiscover(["spark-1", "nvidia@10.0.0.12:2222", "--identity", "key"])).toMatchObject({
    hosts: ["spark-1", "nvidia@10.0.0.12:2222"],
    identity: "key",
    adopt: false,
    json: false,
  });
  expect(parseDiscover(["--stack", "home", "--adopt", "--write"])).toMatchObject({
    stack: "home",
    adopt: true,
    write: true,
  });
  expect(parseDiscover(["--from", ".env", "--stack", "home", "--write"])).toMatchObject({
    from: ".env",
    stack: "home",
  });
  expect(parseDiscover(["--stack", "home", "--to", "env"])).toMatchObject({ to: "env" });
  expect(parseDiscover(["--help"])).toBe("help");
});

it.each([
  [[], "--stack or --from"],
  [["spark-1", "--from", ".env"], "hosts and --from"],
  [["spark-1", "--write"], "--write needs --stack"],
  [["--stack", "home", "--to", "ansible"], 'found "ansible"; allowed: sparkrun, env'],
  [["spark-1", "--to", "env"], "--to needs --stack NAME alone"],
  [["--stack"], "--help says what there is"],
  [["--nonsense"], "--nonsense"],
])("refuses %j and says why", (args, why) => {
  expect(() => parseDiscover(args)).toThrow(Faults);
  expect(() => parseDiscover(args)).toThrow(why);
});

it("has every option in its help", () => {
  for (const option of ["stack", "from", "to", "adopt", "write", "identity", "ask-sudo", "json", "help"]) {
    expect(DISCOVER_HELP).toContain(`--${option}`);
  }
});
