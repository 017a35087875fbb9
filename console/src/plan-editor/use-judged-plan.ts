import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { useCaller } from '../api/caller.ts'
import { type PlanCheckDocument, planCheckQuery, type SimulationDocument, simulationQuery } from '../api/rollouts.ts'

const PAUSE_MS = 200

/** One thing that is wrong with a plan; line and column count from 1. */
export type PlanFault = PlanCheckDocument['faults'][number]

/** What is known of the text as it is now. */
export interface JudgedPlan {
  /** `judging` while the text is newer than what is known of it, `unknown` when it could not be checked. */
  readonly state: 'judging' | 'faulty' | 'valid' | 'unknown'
  readonly faults: readonly PlanFault[]
  /** What the text says; undefined unless it is valid. */
  readonly plan: NonNullable<PlanCheckDocument['plan']> | undefined
  /** Of this text, or of the last valid one before it. */
  readonly simulation: SimulationDocument | undefined
  /** Whether the simulation is that of this text. */
  readonly isSimulated: boolean
  /** Why it could not be checked or simulated. */
  readonly error: Error | undefined
  readonly judgeAgain: () => void
}

/** Lets the control plane check the text whenever the typing pauses, and simulate it when it is valid. */
export function useJudgedPlan(text: string): JudgedPlan {
  const { csrfToken, me } = useCaller()
  const [paused, setPaused] = useState(text)
  useEffect(() => {
    const timer = setTimeout(() => setPaused(text), PAUSE_MS)
    return () => clearTimeout(timer)
  }, [text])
  const check = useQuery({
    ...planCheckQuery(paused, csrfToken),
    enabled: me !== undefined,
    placeholderData: keepPreviousData,
  })
  const isChecked = paused === text && !check.isPlaceholderData && !check.isFetching
  const isValid = isChecked && check.data?.valid === true
  const simulated = useQuery({ ...simulationQuery(paused, csrfToken), enabled: isValid })
  const [last, setLast] = useState(simulated.data)
  if (simulated.data !== undefined && simulated.data !== last) setLast(simulated.data)
  const settled = check.data === undefined ? 'unknown' : check.data.valid ? 'valid' : 'faulty'
  return {
    state: isChecked && (check.data !== undefined || check.error !== null) ? settled : 'judging',
    faults: check.data?.faults ?? [],
    plan: isValid ? (check.data?.plan ?? undefined) : undefined,
    simulation: simulated.data ?? last,
    isSimulated: isValid && simulated.data !== undefined,
    error: check.error ?? simulated.error ?? undefined,
    judgeAgain: () => void (check.error === null ? simulated.refetch() : check.refetch()),
  }
}
