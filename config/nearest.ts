/** How many letters apart two words are: inserted, lost, changed, or two neighbours swapped. */
function distance(a: string, b: string): number {
  let older: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let best = Math.min((previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (previous[j - 1] ?? 0) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, (older[j - 2] ?? 0) + 1);
      row.push(best);
    }
    older = previous;
    previous = row;
  }
  return previous[b.length] ?? 0;
}

/**
 * The candidate that a person most likely meant by `word`, letters' case aside; undefined where none is near.
 * Ties go to the earlier candidate.
 */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  let best: { name: string; letters: number } | undefined;
  for (const name of candidates) {
    const letters = distance(word.toLowerCase().slice(0, 64), name.toLowerCase());
    const near = Math.max(1, Math.floor(Math.max(word.length, name.length) / 2.5));
    if (letters <= near && (best === undefined || letters < best.letters)) best = { name, letters };
  }
  return best?.name;
}
