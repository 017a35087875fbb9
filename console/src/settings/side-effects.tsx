import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useCaller } from '../api/caller.ts'
import type { SideEffectDocument } from '../api/documents.ts'
import { sentenceOf } from '../api/problem.ts'
import { useEnvironment } from '../api/selected-environment.ts'
import { counted } from '../format/numbers.ts'
import { Button } from '../parts/actions/button.tsx'
import { ConditionBadge } from '../parts/badges/condition.tsx'
import { PlainConfirmation } from '../parts/dialogs/plain-confirmation.tsx'
import { Section } from '../parts/layout/section.tsx'
import { QueryPart } from '../parts/states/query-part.tsx'
import { Empty, TooMany } from '../parts/states/states.tsx'
import { ShortTable } from '../parts/tables/short-table.tsx'
import type { Column } from '../parts/tables/virtual-table.tsx'
import { Time } from '../parts/text/time.tsx'
import { failedSideEffectsQuery, MOST_SIDE_EFFECTS, useSideEffectDrop, useSideEffectRetry } from './settings-queries.ts'

const KINDS: Readonly<Record<SideEffectDocument['kind'], string>> = {
  annotation: 'annotation of the dashboards',
  event: 'event for other systems',
  record_issue: 'record issue',
  qa_message: 'message to QA',
  pipeline: 'test pipeline',
}

/** The side effects of changes that the control plane gave up: a person retries or drops them. */
export function SideEffects() {
  const effects = useQuery(failedSideEffectsQuery)
  const environment = useEnvironment()
  const { may } = useCaller()
  const retry = useSideEffectRetry()
  const drop = useSideEffectDrop()
  const [dropped, setDropped] = useState<SideEffectDocument>()
  const mayAct = may('side_effects.retry', environment)
  const columns: Column<SideEffectDocument>[] = [
    { key: 'what', head: 'What', cell: whatOf },
    {
      key: 'error',
      head: 'Why it failed',
      cell: ({ last_error: error }) => <bdi className="break-words">{error}</bdi>,
    },
    { key: 'tries', head: 'Attempts', cell: ({ attempts }) => attempts },
    { key: 'age', head: 'Of the change', cell: ({ created_at: at }) => <Time at={at} show="age" /> },
    ...(mayAct
      ? [
          {
            key: 'act',
            head: 'Actions',
            cell: (effect: SideEffectDocument) => (
              <span className="flex flex-wrap gap-2">
                <Button
                  isBusy={retry.isPending && retry.variables === effect.id}
                  onClick={() => retry.mutate(effect.id)}
                >
                  Retry
                </Button>
                <Button onClick={() => setDropped(effect)}>Drop …</Button>
              </span>
            ),
          },
        ]
      : []),
  ]
  return (
    <Section title="Failed side effects">
      {retry.error !== null && (
        <p role="alert" className="text-sm text-broken">
          ✗ It was not retried. {sentenceOf(retry.error)}
        </p>
      )}
      <QueryPart query={effects} of="the failed side effects">
        {({ side_effects: all }) =>
          all.length === 0 ? (
            <Empty>None has failed.</Empty>
          ) : (
            <>
              <p className="text-sm">
                <ConditionBadge condition="broken">
                  {all.length < MOST_SIDE_EFFECTS ? '' : 'At least '}
                  {counted(all.length, 'side effect')} failed and {all.length === 1 ? 'waits' : 'wait'} for a person.
                  The changes themselves were made.
                </ConditionBadge>
              </p>
              <ShortTable caption="Failed side effects" columns={columns} rows={all} keyOf={({ id }) => id} />
              {all.length >= MOST_SIDE_EFFECTS && (
                <TooMany shown={String(MOST_SIDE_EFFECTS)} all="more" how="Retry or drop these to see the others." />
              )}
            </>
          )
        }
      </QueryPart>
      {dropped !== undefined && (
        <PlainConfirmation
          action={`Drop the ${KINDS[dropped.kind]}`}
          onClose={() => setDropped(undefined)}
          onConfirm={() => drop.mutateAsync(dropped.id)}
        >
          The {KINDS[dropped.kind]} of the change of {dropped.name} in {dropped.environment} is never made. The change
          itself remains. This cannot be undone.
        </PlainConfirmation>
      )}
    </Section>
  )
}

function whatOf({ kind, name, environment, version }: SideEffectDocument) {
  return (
    <>
      <span className="font-medium">{KINDS[kind]}</span>{' '}
      <span className="block break-words text-faded">
        of {name} in {environment}, version {version}
      </span>
    </>
  )
}
