import { useState } from 'react'
import { useCaller } from '../api/caller.ts'
import type { ApplicationDocument } from '../api/documents.ts'
import { Button } from '../parts/actions/button.tsx'
import { MoveDialog } from '../parts/moves/move-dialog.tsx'
import { RetryDialog } from './retry-dialog.tsx'
import { RevokeDialog } from './revoke-dialog.tsx'

const WORDS: Readonly<Record<ApplicationDocument['next_action']['verb'], string>> = {
  move: 'Move to iam …',
  take_back: 'Take back …',
  retry: 'Try again after a fix …',
}

/** The one action that is sensible now; what cannot be done now has its reason next to it. */
export function NextAction({ application }: { application: ApplicationDocument }) {
  const {
    id,
    environment,
    side,
    traffic_per_day,
    iam_credentials,
    trouble,
    next_action: action,
    taken_back_by: takenBack,
  } = application
  const { may } = useCaller()
  // A dialog stays what it was when it opened, whatever happens to the application at the same time.
  const [asked, setAsked] = useState<typeof action.verb>()
  const [isRevoking, setRevoking] = useState(false)
  const close = () => setAsked(undefined)
  if (!may(action.verb === 'retry' ? 'rollouts.act' : 'flags.write', environment)) return null
  return (
    <div className="flex max-w-sm flex-col items-start gap-1.5 lg:shrink-0 lg:items-end lg:text-right">
      <Button weight="primary" reason={action.reason ?? undefined} onClick={() => setAsked(action.verb)}>
        {WORDS[action.verb]}
      </Button>
      {side === 'rails' && (iam_credentials ?? 0) > 0 && may('credentials.revoke', environment) && (
        <Button onClick={() => setRevoking(true)}>Revoke its credentials of iam …</Button>
      )}
      {isRevoking && <RevokeDialog application={application} onClose={() => setRevoking(false)} />}
      {trouble !== null && <p className="text-sm break-words text-faded">{action.sentence}</p>}
      {asked === 'retry' && takenBack !== null && (
        <RetryDialog application={application} rollout={takenBack} onClose={close} />
      )}
      {asked !== undefined && asked !== 'retry' && (
        <MoveDialog
          move={{ environment, to: asked === 'move' ? 'iam' : 'rails', applications: [id] }}
          flowsPerDay={traffic_per_day === null ? undefined : Math.round(traffic_per_day)}
          onClose={close}
        />
      )}
    </div>
  )
}
