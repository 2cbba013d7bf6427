import Table from "cli-table3";

const NO_LINES = [
  ["top", "top-mid", "top-left", "top-right"],
  ["bottom", "bottom-mid", "bottom-left", "bottom-right"],
  ["left", "left-mid", "right", "right-mid", "mid", "mid-mid", "middle"],
].flat();

/** Rows as a table of plain text without lines, no blanks at a line's end. */
export function renderTable(rows: readonly (readonly string[])[]): readonly string[] {
  const table = new Table({
    chars: Object.fromEntries(NO_LINES.map((name) => [name, ""])),
    style: { head: [], border: [], "padding-left": 0, "padding-right": 2 },
  });
  table.push(...rows.map((row) => [...row]));
  return table
    .toString()
    .split("\n")
    .map((line) => line.trimEnd());
}
