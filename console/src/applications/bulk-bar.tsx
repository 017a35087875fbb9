import { useState } from 'react'
import type { Move } from '../api/flag-changes.ts'
import { useEnvironment } from '../api/selected-environment.ts'
import { counted } from '../format/numbers.ts'
import { Button } from '../parts/actions/button.tsx'
import { MoveDialog } from '../parts/moves/move-dialog.tsx'

const MOST = 1_000

/** What can be done with the selected applications; each action says who would move before anything happens. */
export function BulkBar({ selected, onClear }: { selected: ReadonlySet<number>; onClear: () => void }) {
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
      {move !== undefined && <MoveDialog move={move} onClose={() => setMove(undefined)} onMoved={onClear} />}
    </div>
  )
}
