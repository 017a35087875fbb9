import { useState } from 'react'
import { MovementChart } from '../charts/movement-chart.tsx'
import { type RolloutState, RolloutStateBadge } from '../parts/badges/rollout-state.tsx'
import { EvidenceView } from '../parts/evidence/evidence-view.tsx'
import { Checkbox } from '../parts/fields/checkbox.tsx'
import { Section } from '../parts/layout/section.tsx'

const STATES: readonly RolloutState[] = [
  ...(['draft', 'waiting', 'running', 'held'] as const),
  ...(['paused', 'soaking', 'completed', 'aborted'] as const),
]
const HOUR_MS = 3_600_000
const movements = [0.01, 0.1, 0.25, 0.5, 1].map((applications, at) => ({
  ...{ after: at * 5 * HOUR_MS, words: `step ${at + 1}`, applications },
  traffic: Math.sqrt(applications) * 0.9,
}))
const evidence = {
  ...{ step: 2, elapsed_ms: 905_000, waived_by: null, outcomes: 1_204, failures: 3 },
  readings: [{ application_id: 7, sentence: '3 of 1,204 flows failed, at most 0.7 % at 95 %' }],
}

/** What the pages of rollouts are made of. */
export function RolloutParts() {
  const [isOn, setOn] = useState(true)
  return (
    <>
      <Section title="States of a rollout, evidence and a choice">
        <div className="flex flex-col gap-3 text-sm">
          <p className="flex flex-wrap gap-x-4 gap-y-1">
            {STATES.map((state) => (
              <RolloutStateBadge key={state} state={state} />
            ))}
          </p>
          <EvidenceView evidence={evidence} />
          <Checkbox checked={isOn} onChange={setOn}>
            Leave the flag as it is
          </Checkbox>
        </div>
      </Section>
      <Section title="What a plan would move over time (invented values)">
        <MovementChart movements={movements} until={30 * HOUR_MS} />
      </Section>
    </>
  )
}
