import type { ApplicationDocument } from '../api/documents.ts'
import { useRolloutAction } from '../api/rollout-changes.ts'
import { Confirmation } from '../parts/dialogs/confirmation.tsx'

interface RetryDialogProps {
  readonly application: ApplicationDocument
  readonly rollout: NonNullable<ApplicationDocument['taken_back_by']>
  readonly onClose: () => void
}

/** Asks before a rollout moves an application again that it has taken back. */
export function RetryDialog({ application, rollout, onClose }: RetryDialogProps) {
  const { mutateAsync } = useRolloutAction()
  const { id, environment, traffic_per_day } = application
  return (
    <Confirmation
      isOpen
      onClose={onClose}
      action="Try again after a fix"
      environment={environment}
      consequence={
        <p>
          Rollout <bdi>{rollout.name}</bdi> moves the application to iam again, and its guards start from zero. It was
          taken back because {rollout.sentence.replace(/^Failed: /, '')}
        </p>
      }
      affected={{ applications: 1, flowsPerDay: traffic_per_day === null ? undefined : Math.round(traffic_per_day) }}
      onConfirm={(reason) =>
        mutateAsync({
          ...{ id: rollout.rollout, version: rollout.version, action: 'retry', application_id: id },
          ...(reason === '' ? {} : { reason }),
        })
      }
      conflict={() => <p>The rollout has changed since this page showed version {rollout.version} of it.</p>}
    />
  )
}
