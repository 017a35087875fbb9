import { useState } from 'react'
import type { Move } from '../api/flag-changes.ts'
import { useEnvironment } from '../api/selected-environment.ts'
import { counted } from '../format/numbers.ts'
import { Button } from '../parts/actions/button.tsx'
import { MoveDialog } from '../parts/moves/move-dialog.tsx'
import type { Row } from './application-columns.tsx'

const MOST = 1_000

interface BulkBarProps {
  readonly selected: ReadonlySet<number>
  /** The loaded rows, among them those that are selected. */
  readonly rows: ReadonlyArray<Pick<Row, 'id' | 'traffic_per_day'>>
  readonly onClear: () => void
}

/** What can be done with the selected applications; each action says who would move before anything happens. */
export function BulkBar({ selected, rows, onClear }: BulkBarProps) {
  const environment = useEnvironment()
  const [move, setMove] = useState<Move>()
  if (selected.size === 0) return null
  const reason = selected.size > MOST ? `At most ${counted(MOST, 'application')} at once.` : undefined
  const start = (to: Move['to']) => setMove({ environment, to, applications: [...selected].sort((a, b) => a - b) })
  return (
    <div className="sticky bottom-16 z-10 flex flex-wrap items-center gap-3 rounded-lg border border-edge bg-surface p-3 lg:bottom-3">
      <p role="status" className="text-sm font-medium">
        {counted(selected.size, 'application')} selected
      </p>
      <Button weight="primary" reason={reason} onClick={() => start('iam')}>
        Move to iam …
      </Button>
      <Button reason={reason} onClick={() => start('rails')}>
        Take back …
      </Button>
      <Button weight="quiet" onClick={onClear}>
        Clear the selection
      </Button>
      {move !== undefined && (
        <MoveDialog
          move={move}
          flowsPerDay={flowsOf(rows, selected)}
          onClose={() => setMove(undefined)}
          onMoved={onClear}
        />
      )}
    </div>
  )
}

/** The flows a day of the selected rows; undefined if those of any are unknown. */
function flowsOf(rows: BulkBarProps['rows'], selected: ReadonlySet<number>): number | undefined {
  const flows = rows.filter(({ id }) => selected.has(id)).map(({ traffic_per_day }) => traffic_per_day)
  if (flows.length < selected.size) return undefined
  return flows.reduce<number | undefined>((sum, one) => (sum === undefined || one === null ? undefined : sum + one), 0)
}
