import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { useState } from 'react'
import { useCaller } from '../../api/caller.ts'
import { trafficQuery } from '../../api/queries.ts'
import { type AskedRolloutAction, type OverridableRule, useRolloutAction } from '../../api/rollout-changes.ts'
import { type RolloutDetailsDocument, type RolloutDocument, simulationQuery } from '../../api/rollouts.ts'
import { Confirmation } from '../../parts/dialogs/confirmation.tsx'
import type { PageAction } from '../rollout-search.ts'
import { ActionConflict } from './action-conflict.tsx'
import { ActionTerms, type Terms } from './action-terms.tsx'
import { reachOf, reachOfAll, refusalInWords } from './action-words.ts'
import { type ActionSubject, consequenceOf, titleOf } from './consequences.ts'

const route = getRouteApi('/rollouts/$id')

interface ActionDialogProps {
  readonly rollout: RolloutDocument
  readonly details: RolloutDetailsDocument | undefined
}

/** The dialog of the action that the address names. */
export function ActionDialog({ rollout, details }: ActionDialogProps) {
  const { ask, application } = route.useSearch()
  const isOver = rollout.state === 'completed' || rollout.state === 'aborted'
  if (ask === undefined || isOver || details === undefined) return null
  // What the person decides on is the rollout as it was when the dialog opened.
  return (
    <OpenDialog key={`${ask} ${application}`} ask={ask} application={application} opened={rollout} details={details} />
  )
}

interface OpenDialogProps {
  readonly ask: PageAction
  readonly application: string | undefined
  readonly opened: RolloutDocument
  readonly details: RolloutDetailsDocument
}

function OpenDialog({ ask, application: about, opened, details }: OpenDialogProps) {
  const [rollout] = useState(opened)
  const [terms, setTerms] = useState<Terms>({
    toStep: Math.max(0, rollout.step - 1),
    keep: false,
    application: about ?? '',
    issue: '',
    overrides: [],
  })
  const navigate = route.useNavigate()
  const { mutateAsync } = useRolloutAction()
  const { csrfToken } = useCaller()
  const simulated = useQuery({ ...simulationQuery(rollout.plan, csrfToken), enabled: ask === 'start' })
  const entered = /^[1-9]\d{0,14}$/.test(terms.application) ? terms.application : undefined
  const application = ask === 'exclude' ? entered : about
  const toStep = ask === 'back' ? terms.toStep : rollout.step + 1
  const traffic = useQuery(trafficQuery(rollout.environment, 'day', application))
  const subject = { rollout, ask, toStep, terms, application, name: nameOf(details, application) }
  const reach =
    ask === 'start'
      ? reachOfAll(simulated.data)
      : ask === 'abort' && terms.keep
        ? { applications: 0, share: 0 }
        : reachOf(rollout, ask, toStep)
  const daily = traffic.data?.points.reduce((sum, { rails, iam }) => sum + rails.flows + iam.flows, 0)
  const share = application === undefined ? reach?.share : 1
  const refused = refusalInWords(details, ask, rollout.state)
  return (
    <Confirmation
      isOpen
      onClose={() =>
        void navigate({ search: ({ ask: _ask, application: _application, ...search }) => search, replace: true })
      }
      action={titleOf(subject)}
      environment={rollout.environment}
      isReady={refused === undefined}
      missing={ask === 'exclude' && application === undefined ? 'Enter the id of the application first.' : undefined}
      consequence={
        <div className="flex flex-col gap-3">
          {refused !== undefined && <p className="font-medium text-broken">✗ {refused}</p>}
          {consequenceOf(subject).map((sentence) => (
            <p key={sentence}>{sentence}</p>
          ))}
          <ActionTerms ask={ask} rollout={rollout} terms={terms} onChange={setTerms} />
        </div>
      }
      affected={
        reach === undefined
          ? undefined
          : {
              applications: reach.applications,
              users: reach.applications === 0 ? 0 : undefined,
              flowsPerDay: daily === undefined || share === undefined ? undefined : Math.round(daily * share),
            }
      }
      reason={isReasonRequired(ask, rollout) ? 'required' : 'optional'}
      onConfirm={(reason) => mutateAsync(requestOf(subject, reason))}
      conflict={(problem) => <ActionConflict seen={rollout} action={titleOf(subject)} problem={problem} />}
    />
  )
}

function nameOf({ names }: RolloutDetailsDocument, application: string | undefined): string {
  if (application === undefined) return ''
  const name = (names[application] ?? '').replaceAll(/\s+/g, ' ').trim().slice(0, 80)
  return name === '' ? `application ${application}` : `${name} (#${application})`
}

function isReasonRequired(ask: PageAction, { plan }: RolloutDocument): boolean {
  return ask === 'next' || (ask === 'start' && plan['watch'] === 'unattended')
}

function requestOf({ rollout, ask, toStep, terms, application }: ActionSubject, reason: string): AskedRolloutAction {
  const overrides: readonly OverridableRule[] = terms.overrides
  return {
    ...{ id: rollout.id, version: rollout.version, action: ask },
    ...(reason === '' ? {} : { reason }),
    ...(ask === 'back' || ask === 'approve' ? { step: toStep } : {}),
    ...(application === undefined ? {} : { application_id: Number(application) }),
    ...(ask === 'abort' && terms.keep ? { keep: true } : {}),
    ...(ask === 'start' && terms.issue !== '' ? { change_issue_url: terms.issue } : {}),
    ...(ask === 'start' && overrides.length > 0 ? { overrides } : {}),
  }
}
