import type { SurveyedCable, SurveyedHost } from "../plan/survey";
import type { Look } from "./look";
import { drawCables } from "./picture";
import { renderTable } from "./table";

/** A look for a reader: hosts and cables as tables, the cables as a picture, then what is wrong. */
export function renderSurvey({ survey, problems, warnings, unreached }: Look): string {
  const { hosts, cables, topology } = survey;
  const wrong = problems.filter((line) => !unreached.includes(line));
  const sections = [
    renderTable([["HOST", "PORT", "NETDEV", "LINK", "MTU", "ADDRESSES"], ...hosts.flatMap(hostRows)]),
    cables.length === 0
      ? ["no cable found"]
      : renderTable([["CABLE", "FOUND BY"], ...cables.map((cable) => [cable.name, foundBy(cable)])]),
    drawCables(cables.map(({ ends }) => ends)).map((line) => `  ${line}`),
    problems.length === 0 ? [`topology: ${topology}`] : [],
    titled("warnings", warnings),
    titled(`${unreached.length} of ${hosts.length} hosts not reached`, unreached),
    titled(`not a mesh yet (nearest to ${topology})`, wrong),
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n")}\n`;
}

function hostRows({ name, state, reason, netdevs }: SurveyedHost): string[][] {
  if (netdevs.length === 0) return [[name, "", state === "reached" ? "no CX7 netdev" : (reason ?? state)]];
  return netdevs.map(({ netdev, port, link, mtu, addresses }, index) => [
    index === 0 ? name : "",
    `${port}`,
    netdev,
    link,
    `${mtu}`,
    addresses.join(" "),
  ]);
}

/** How a cable came to be known, and who hears it now. */
function foundBy({ evidence, seenFrom, ends }: SurveyedCable): string {
  const all = ends.filter((end) => "host" in end).length;
  const how = {
    declared: "declared in the stack config",
    recorded: "recorded on the hosts",
    discovered: "heard on the wire",
    assumed: "assumed, its hosts can't be asked",
  }[evidence];
  const now =
    seenFrom.length === 0
      ? "not heard now"
      : seenFrom.length === all
        ? "heard from every end"
        : `heard from ${seenFrom.join(", ")} only`;
  return `${how}, ${now}`;
}

function titled(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [`${title}:`, ...lines.map((line) => `  ${line}`)];
}
