import { useState } from 'react'

/** Rows in the order in which they are being read, and how many new ones wait. */
export interface SteadyRows<Row> {
  readonly rows: readonly Row[]
  readonly waiting: number
  readonly show: () => void
}

/**
 * Keeps the order of a list while it is read: rows change their content in place, those that are gone leave, later pages
 * are appended, and new ones wait until they are asked for. A new `list`, such as another filter, starts again.
 */
export function useSteadyRows<Row>(
  list: string,
  rows: readonly Row[],
  keyOf: (row: Row) => string | number,
): SteadyRows<Row> {
  const [read, setRead] = useState({ list, keys: rows.map(keyOf) })
  const isOther = read.list !== list || read.keys.length === 0
  const arranged = arrange(isOther ? [] : read.keys, rows, keyOf)
  const keys = arranged.rows.map(keyOf)
  // Changing the state while rendering is React's way to follow props: it renders again before anything is shown.
  if (isOther || keys.length !== read.keys.length || keys.some((key, at) => key !== read.keys[at])) {
    if (rows.length > 0 || read.list !== list || read.keys.length > 0) setRead({ list, keys })
  }
  return { ...arranged, show: () => setRead({ list, keys: rows.map(keyOf) }) }
}

/** Arranges rows by the order in which their keys were read; see {@link useSteadyRows}. */
export function arrange<Row>(
  read: ReadonlyArray<string | number>,
  rows: readonly Row[],
  keyOf: (row: Row) => string | number,
): { readonly rows: readonly Row[]; readonly waiting: number } {
  if (read.length === 0) return { rows, waiting: 0 }
  const byKey = new Map(rows.map((row) => [keyOf(row), row]))
  const known = new Set(read)
  const kept = read.flatMap((key) => byKey.get(key) ?? [])
  const lastKnown = rows.findLastIndex((row) => known.has(keyOf(row)))
  const later = rows.slice(lastKnown + 1)
  const waiting = rows.slice(0, lastKnown + 1).filter((row) => !known.has(keyOf(row))).length
  return { rows: [...kept, ...later], waiting }
}
