/**
 * How the answers of a remote shell are told from whatever else reaches us on its standard output: a banner, what a login
 * shell or its profile prints before, between and after them.
 *
 * Each session has a mark of its own. An answer comes in lines `MARK+TEXT`, the last one `MARK.TEXT`; anything may stand
 * before a mark. scripts/facts.sh prints them so.
 */

/** The line before all others that a shell is sent: by it our scripts know the mark. */
export function markLine(mark: string): string {
  return `mark=${mark}\n`;
}

/** A short answer as the scripts print it. */
export function answerLine(mark: string, answer: string): string {
  return `\n${mark}.${answer}\n`;
}

/** Finds the answers in what a remote shell prints, as it comes in. */
export class MarkedAnswers {
  readonly #marked: RegExp;
  #unfinished = "";
  #answer = "";

  constructor(mark: string) {
    this.#marked = new RegExp(`${mark}([+.])(.*)$`);
  }

  /** The answers that are whole with these bytes. */
  take(bytes: Buffer): readonly string[] {
    // Bytes, not characters: the end of a line may cut one in two.
    const lines = (this.#unfinished + bytes.toString("latin1")).split("\n");
    this.#unfinished = lines.pop() ?? "";
    return lines.flatMap((line) => {
      const [, sign, text = ""] = this.#marked.exec(line) ?? [];
      if (sign === undefined) return [];
      const answer = this.#answer + text;
      this.#answer = sign === "+" ? answer : "";
      return sign === "+" ? [] : [Buffer.from(answer, "latin1").toString("utf8")];
    });
  }
}
