import type { ApplicationRecord } from './model.ts'
import type { SortedIds } from './sorted-ids.ts'

/** How many successive ids have their texts in one block. */
const IDS = 4_096

interface TextBlock {
  readonly ids: readonly number[]
  /** The texts of all ids, one after the other. */
  readonly text: string
  /** Where the text of each id ends. */
  readonly ends: Uint32Array
}

/**
 * Finds applications by a part of their client_id or name, in any case. The texts of many applications are one string,
 * so that a search runs at the speed of memory and needs no object for each application.
 */
export class TextBlocks {
  readonly #blocks = new Map<number, TextBlock>()
  readonly #ids: SortedIds
  readonly #record: (id: number) => ApplicationRecord | undefined

  constructor(ids: SortedIds, record: (id: number) => ApplicationRecord | undefined) {
    this.#ids = ids
    this.#record = record
  }

  /** The texts of an application have changed, or it is new or gone. */
  changed(id: number): void {
    this.#blocks.delete(Math.floor(id / IDS))
  }

  /** The ids after one whose texts contain `wanted`, which is in lower case, in ascending order and in parts. */
  *find(wanted: string, after: number): Generator<readonly number[]> {
    for (let last = after; ; ) {
      const [next] = this.#ids.after(last, 1)
      if (next === undefined) return
      const number = Math.floor(next / IDS)
      yield idsIn(this.#block(number), wanted, after)
      last = (number + 1) * IDS - 1
    }
  }

  #block(number: number): TextBlock {
    const known = this.#blocks.get(number)
    if (known) return known
    const first = number * IDS
    const ids = this.#ids.after(first - 1, IDS).filter((id) => id < first + IDS)
    const texts = ids.map((id) => textOf(this.#record(id)))
    const ends = new Uint32Array(ids.length)
    let end = 0
    texts.forEach((text, at) => {
      end += text.length
      ends[at] = end
    })
    const block = { ids, text: texts.join(''), ends }
    this.#blocks.set(number, block)
    return block
  }
}

/** What a search looks through. NUL keeps a match from spanning the two. */
export function textOf(record: ApplicationRecord | undefined): string {
  return `${record?.client_id ?? ''}\0${record?.name ?? ''}\0`.toLowerCase()
}

function idsIn({ ids, text, ends }: TextBlock, wanted: string, after: number): number[] {
  const found: number[] = []
  let index = 0
  for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at)) {
    while ((ends[index] ?? text.length) <= at) index++
    const end = ends[index] ?? text.length
    const id = ids[index]
    // A match must lie within one application.
    if (at + wanted.length > end) {
      at++
      continue
    }
    if (id !== undefined && id > after) found.push(id)
    at = end
  }
  return found
}
