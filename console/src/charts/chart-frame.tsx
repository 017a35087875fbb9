import { type KeyboardEvent, type ReactNode, useId, useState } from 'react'
import { ScrollRegion } from '../parts/layout/scroll-region.tsx'
import { Empty } from '../parts/states/states.tsx'
import { walk } from './points.ts'

interface ChartFrameProps {
  readonly title: string
  /** What time or range it covers, in words: `last hour`. */
  readonly range: string
  /** The latest values in words, announced with the title. */
  readonly latest: string
  /** What the latest values are called; a forecast has others. */
  readonly latestWord?: string
  /** How many points can be walked, the one that is pointed out, and what it says. */
  readonly count: number
  readonly at: number | undefined
  readonly describe: (index: number) => string
  readonly onWalk: (index: number | undefined) => void
  readonly table: { readonly head: readonly string[]; readonly rows: ReadonlyArray<readonly string[]> }
  /** The drawing; hidden from screen readers, which hear the words. */
  readonly children: ReactNode
}

/**
 * The frame of every chart: announced with title, range and latest values, walked with the arrow keys, and with its table
 * behind a button and the key `t`.
 */
export function ChartFrame(props: ChartFrameProps) {
  const { title, range, latest, latestWord = 'Latest', count, at, describe, onWalk, table } = props
  const [isTableOpen, setTableOpen] = useState(false)
  const tableId = useId()
  const press = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    const to = walk(event.key, at, count)
    if (to !== undefined) onWalk(to)
    else if (event.key === 'Escape' && at !== undefined) onWalk(undefined)
    else if (event.key === 't') setTableOpen(!isTableOpen)
    else return
    event.preventDefault()
  }
  if (count === 0)
    return (
      <Empty>
        Nothing was measured: {title}, {range}.
      </Empty>
    )
  return (
    <figure className="flex min-w-0 flex-col gap-1">
      <div
        role="slider"
        tabIndex={0}
        aria-label={`${title}, ${range}. ${latestWord}: ${latest}.`}
        aria-valuemin={0}
        aria-valuemax={count - 1}
        aria-valuenow={at ?? count - 1}
        aria-valuetext={describe(at ?? count - 1)}
        aria-keyshortcuts="t"
        onKeyDown={press}
        onBlur={() => onWalk(undefined)}
      >
        {props.children}
      </div>
      <figcaption className="flex min-h-6 flex-wrap items-baseline justify-between gap-x-4 text-sm text-faded">
        <span aria-hidden="true">{at === undefined ? `${latestWord}: ${latest}` : describe(at)}</span>
        <button
          type="button"
          aria-expanded={isTableOpen}
          aria-controls={tableId}
          className="underline underline-offset-4"
          onClick={() => setTableOpen(!isTableOpen)}
        >
          {isTableOpen ? 'Hide the table' : 'Table'}
          <span className="sr-only"> of {title}</span>
        </button>
      </figcaption>
      {isTableOpen && <ChartTable id={tableId} title={`${title}, ${range}`} {...table} />}
    </figure>
  )
}

function ChartTable({ id, title, head, rows }: { id: string; title: string } & ChartFrameProps['table']) {
  return (
    <ScrollRegion id={id} label={title} className="max-h-72 rounded-md border border-line">
      <table className="w-full text-sm">
        <thead className="sticky top-0 bg-sunken text-left">
          <tr>
            {head.map((cell) => (
              <th key={cell} scope="col" className="px-2 py-1 font-medium">
                {cell}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row[0]} className="border-t border-line">
              {row.map((cell, at) => (
                <td key={head[at]} className="px-2 py-1 whitespace-nowrap">
                  {cell}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollRegion>
  )
}
