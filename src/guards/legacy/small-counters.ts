const CHUNK = 1_024
/** The largest value of a counter. */
export const MOST_COUNTED = 65_535

/** Rows of 16-bit counters in few large arrays: a row costs two bytes a counter and nothing else. */
export class SmallCounters {
  readonly #width: number
  readonly #chunks: Uint16Array[] = []
  #used = 0

  constructor(width: number) {
    this.#width = width
  }

  /** The number of a new row of zeros. */
  add(): number {
    const row = this.#used++
    if (row % CHUNK === 0) this.#chunks.push(new Uint16Array(CHUNK * this.#width))
    return row
  }

  /** The counters of a row, which may be changed in place. */
  row(row: number): Uint16Array {
    const chunk = this.#chunks[Math.trunc(row / CHUNK)]
    if (chunk === undefined) throw new RangeError(`no counters have row ${row}`)
    const at = (row % CHUNK) * this.#width
    return chunk.subarray(at, at + this.#width)
  }
}

/** Adds one to a counter of a row; when it is full, all of the row's counters in the range are halved first. */
export function countIn(row: Uint16Array, at: number, from: number, to: number): void {
  if (row[at] === MOST_COUNTED) for (let one = from; one < to; one++) row[one] = (row[one] as number) >> 1
  row[at] = (row[at] as number) + 1
}
