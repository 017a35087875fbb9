import { useQuery } from '@tanstack/react-query'
import { useCaller } from '../../api/caller.ts'
import type { PreviewDocument } from '../../api/documents.ts'
import { type Move, movePreviewQuery, useMove } from '../../api/flag-changes.ts'
import { counted } from '../../format/numbers.ts'
import { Confirmation } from '../dialogs/confirmation.tsx'
import { ConflictStates } from '../dialogs/conflict-states.tsx'
import { Failure, Loading } from '../states/states.tsx'
import { PreviewNotes, waitingInWords } from './preview-notes.tsx'

interface MoveDialogProps {
  readonly move: Move
  /** How many flows a day the applications have; undefined if that is unknown. */
  readonly flowsPerDay: number | undefined
  readonly onClose: () => void
  /** Called after the move was made. */
  readonly onMoved?: (() => void) | undefined
}

/** Asks before applications are moved or taken back: a dry run says which of them really move, and what may break. */
export function MoveDialog({ move, flowsPerDay, onClose, onMoved }: MoveDialogProps) {
  const { csrfToken } = useCaller()
  const preview = useQuery(movePreviewQuery(move, csrfToken))
  const { mutateAsync } = useMove()
  const noun = counted(move.applications.length, 'application')
  return (
    <Confirmation
      isOpen
      onClose={onClose}
      action={move.to === 'iam' ? `Move ${noun}` : `Take back ${noun}`}
      environment={move.environment}
      isReady={preview.data !== undefined}
      affected={
        preview.data && { applications: preview.data.impact.to_iam + preview.data.impact.to_rails, flowsPerDay }
      }
      consequence={
        preview.data === undefined ? (
          preview.error === null ? (
            <Loading of="what would happen" />
          ) : (
            <Failure of="what would happen" error={preview.error} onRetry={() => void preview.refetch()} />
          )
        ) : (
          <MovePreview move={move} preview={preview.data} />
        )
      }
      onConfirm={async (reason) => {
        if (preview.data === undefined) return
        await mutateAsync({ move, preview: preview.data, reason })
        onMoved?.()
      }}
      conflict={(problem) => <ConflictStates problem={problem} wanted={preview.data?.after ?? 'unknown'} />}
    />
  )
}

/** Who would move, in the words of the control plane. */
function MovePreview({ move, preview }: { move: Move; preview: PreviewDocument }) {
  const { impact } = preview
  const moving = impact.to_iam + impact.to_rails
  return (
    <div className="flex flex-col gap-2">
      <p className="font-medium">
        {moving === 0
          ? 'No application changes its side.'
          : `New flows of ${counted(moving, 'application')} ${move.to === 'iam' ? 'go to iam' : 'go to rails'} from then on.`}
        {waitingInWords(impact.waiting)}
      </p>
      <p>
        {move.to === 'iam'
          ? 'Flows in progress finish where they began. Taking the applications back later is possible at any time; tokens that iam has issued by then stay valid until they expire or are revoked.'
          : 'Tokens that iam has issued continue to work until they expire or are revoked.'}
      </p>
      <PreviewNotes preview={preview} />
    </div>
  )
}
