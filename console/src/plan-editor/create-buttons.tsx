import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { useCaller } from '../api/caller.ts'
import { useRolloutCreation } from '../api/rollout-changes.ts'
import { useEnvironment } from '../api/selected-environment.ts'
import { counted } from '../format/numbers.ts'
import { Button } from '../parts/actions/button.tsx'
import { Confirmation } from '../parts/dialogs/confirmation.tsx'
import type { JudgedPlan } from './use-judged-plan.ts'

interface CreateButtonsProps {
  readonly text: string
  readonly judged: JudgedPlan
  readonly onCreated: () => void
}

const REASONS: Readonly<Record<JudgedPlan['state'], string | undefined>> = {
  valid: undefined,
  judging: 'The plan is being checked.',
  faulty: 'Correct the plan first.',
  unknown: 'The plan could not be checked.',
}

/** The plan becomes a rollout: as a draft, or a draft that asks at once whether to start. */
export function CreateButtons({ text, judged, onCreated }: CreateButtonsProps) {
  const [asked, setAsked] = useState<'draft' | 'start'>()
  const { may } = useCaller()
  const selected = useEnvironment()
  const navigate = useNavigate()
  const { mutateAsync } = useRolloutCreation()
  const { plan, state } = judged
  const environment = plan?.environment ?? selected
  if (!may('rollouts.create', environment)) return null
  const create = async (reason: string) => {
    const { id } = await mutateAsync({ plan: text, ...(reason === '' ? {} : { reason }) })
    onCreated()
    const search = { environment, ...(asked === 'start' ? { ask: 'start' as const } : {}) }
    await navigate({ to: '/rollouts/$id', params: { id: String(id) }, search })
  }
  return (
    <div className="flex flex-wrap gap-3">
      <Button weight="primary" reason={REASONS[state]} onClick={() => setAsked('start')}>
        Create and start …
      </Button>
      {state === 'valid' && <Button onClick={() => setAsked('draft')}>Create a draft …</Button>}
      {asked !== undefined && plan !== undefined && (
        <Confirmation
          isOpen
          onClose={() => setAsked(undefined)}
          action="Create the rollout"
          environment={environment}
          consequence={
            <>
              <p>
                The plan <strong className="font-medium">{plan.name}</strong> with {counted(plan.steps.length, 'step')}{' '}
                becomes a draft. Nothing moves yet.
              </p>
              {asked === 'start' && <p>Afterwards you are asked whether to start it.</p>}
            </>
          }
          onConfirm={create}
        />
      )}
    </div>
  )
}
