import { useQuery } from '@tanstack/react-query'
import { useCaller } from '../api/caller.ts'
import type { PreviewDocument } from '../api/documents.ts'
import { environmentsQuery } from '../api/queries.ts'
import { counted } from '../format/numbers.ts'
import { Confirmation } from '../parts/dialogs/confirmation.tsx'
import { ConflictStates } from '../parts/dialogs/conflict-states.tsx'
import { PreviewNotes, waitingInWords } from '../parts/moves/preview-notes.tsx'
import { Failure, Loading } from '../parts/states/states.tsx'
import { useFlagChange, wishPreviewQuery } from './flag-queries.ts'
import type { FlagWish } from './flag-wish.ts'

/** Asks before a flag is changed: a dry run says what it is before and after, and which applications move. */
export function WishDialog({ wish, onClose }: { wish: FlagWish; onClose: () => void }) {
  const { csrfToken } = useCaller()
  const preview = useQuery(wishPreviewQuery(wish, csrfToken))
  const { data: rules } = useQuery(environmentsQuery)
  const { mutateAsync } = useFlagChange()
  const { data } = preview
  const demandsReason = rules?.environments.find(({ environment }) => environment === wish.environment)?.reason_required
  const isTowardsRails = data !== undefined && data.impact.to_iam === 0 && data.impact.to_rails > 0
  return (
    <Confirmation
      isOpen
      onClose={onClose}
      action={wish.action}
      environment={wish.environment}
      isReady={data !== undefined}
      reason={demandsReason === true && !isTowardsRails ? 'required' : 'optional'}
      affected={data && { applications: data.impact.to_iam + data.impact.to_rails }}
      consequence={
        data !== undefined ? (
          <WishPreview preview={data} />
        ) : preview.error === null ? (
          <Loading of="what would happen" />
        ) : (
          <Failure of="what would happen" error={preview.error} onRetry={() => void preview.refetch()} />
        )
      }
      onConfirm={async (reason) => {
        if (data !== undefined) await mutateAsync({ wish, preview: data, reason })
      }}
      conflict={(problem) => <ConflictStates problem={problem} wanted={data?.after ?? wish.action} />}
    />
  )
}

function WishPreview({ preview }: { preview: PreviewDocument }) {
  const { before, after, impact } = preview
  const moves = [
    ...(impact.to_iam > 0 ? [`new flows of ${counted(impact.to_iam, 'application')} go to iam`] : []),
    ...(impact.to_rails > 0 ? [`new flows of ${counted(impact.to_rails, 'application')} go to rails`] : []),
  ].join(', and ')
  return (
    <div className="flex flex-col gap-2">
      <p className="font-medium">
        {moves === '' ? 'No application changes its side.' : `${moves.charAt(0).toUpperCase()}${moves.slice(1)}.`}
        {waitingInWords(impact.waiting)}
      </p>
      {moves !== '' && (
        <p>
          Flows in progress finish where they began. The change can be taken back at any time; tokens that iam has
          issued by then stay valid until they expire or are revoked.
        </p>
      )}
      <PreviewNotes preview={preview} />
      <dl className="grid max-h-40 grid-cols-[auto_minmax(0,1fr)] gap-x-3 gap-y-1 overflow-y-auto break-words">
        <dt className="font-medium">Before</dt>
        <dd>{withoutActors(before)}</dd>
        <dt className="font-medium">After</dt>
        <dd>{withoutActors(after)}</dd>
      </dl>
    </div>
  )
}

/** People know applications by id and name; the flag's own word for them is for programs. */
function withoutActors(state: string): string {
  return state.replaceAll('Authn::OauthApplication:', '#')
}
