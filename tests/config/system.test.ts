import { describe, expect, it } from "vitest";
import { parse, saysEach, three } from "./configs";

describe("system", () => {
  it("has every option off, each by itself", () => {
    const off = { dockerGroup: false, sudoers: false, removeIpc: true, earlyoom: false };
    expect(parse({ hosts: three }).system).toEqual(off);
    expect(parse({ hosts: three, system: {} }).system).toEqual(off);
    expect(parse({ hosts: three, system: { sudoers: true } }).system).toEqual({ ...off, sudoers: true });
    expect(parse({ hosts: three, system: { removeIpc: false } }).system).toEqual({ ...off, removeIpc: false });
    expect(parse({ hosts: three, system: { earlyoom: true } }).system).toEqual({ ...off, earlyoom: true });
  });

  saysEach([
    [
      "an unknown option",
      { hosts: three, system: { docker: true } },
      ["system.docker: unknown key; allowed: dockerGroup, sudoers, removeIpc, earlyoom"],
    ],
    [
      "a text for true",
      { hosts: three, system: { sudoers: "yes" } },
      ['system.sudoers: found "yes"; allowed: true or false'],
    ],
    [
      "no object",
      { hosts: three, system: "dockerGroup" },
      [
        "system: found \"dockerGroup\"; allowed: dockerGroup, sudoers, removeIpc, earlyoom; write it into Pulumi.<stack>.yaml, or piece by piece: pulumi config set --path 'spark-mesh:system.dockerGroup' VALUE",
      ],
    ],
  ]);
});
