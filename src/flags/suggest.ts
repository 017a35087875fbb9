const NEAR = 3

/** The known name closest to a mistyped one; undefined if none is close (edit distance over 40 % of its length). */
export function suggestName(typed: string, known: Iterable<string>): string | undefined {
  const word = typed.slice(0, 100)
  let best: string | undefined
  let least = Math.max(NEAR, Math.floor(word.length * 0.4)) + 1
  for (const name of known) {
    const distance = name.startsWith(word) && word.length >= NEAR ? 1 : editDistance(word, name)
    if (distance < least) {
      least = distance
      best = name
    }
  }
  return best
}

function editDistance(from: string, to: string): number {
  let above = Array.from({ length: to.length + 1 }, (_, column) => column)
  for (let row = 1; row <= from.length; row++) {
    const current = [row]
    for (let column = 1; column <= to.length; column++) {
      const swap = (above[column - 1] ?? 0) + (from[row - 1] === to[column - 1] ? 0 : 1)
      current.push(Math.min(swap, (above[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1))
    }
    above = current
  }
  return above[to.length] ?? 0
}
