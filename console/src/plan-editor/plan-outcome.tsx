import type { SimulationDocument } from '../api/rollouts.ts'
import { MovementChart } from '../charts/movement-chart.tsx'
import { counted, inDuration, inFigures, inPercent, inShort } from '../format/numbers.ts'
import { Section } from '../parts/layout/section.tsx'
import { Empty } from '../parts/states/states.tsx'
import { movementsOf } from './movements.ts'
import type { JudgedPlan } from './use-judged-plan.ts'

type Step = SimulationDocument['steps'][number]

/** What the plan would do: how much moves when, and what would be in its way. */
export function PlanOutcome({ judged: { simulation, isSimulated, state } }: { judged: JudgedPlan }) {
  if (simulation === undefined) {
    return (
      <Section title="What it would do">
        <Empty>What the plan would do appears here as soon as it is valid.</Empty>
      </Section>
    )
  }
  const isOld = !isSimulated
  return (
    <div className={`flex flex-col gap-4 ${isOld ? 'old' : ''}`}>
      <Section
        title="What it would do"
        aside={isOld && state === 'faulty' ? <span className="text-sm">of the last valid text</span> : undefined}
      >
        <p className="pb-2 wrap-anywhere">
          {simulation.lasts_ms === null && <span className="font-bold text-broken">! </span>}
          {durationInWords(simulation)}
        </p>
        <Movement simulation={simulation} />
        <p className="text-sm text-faded">
          {simulation.observed.applications === 0
            ? 'No application had a flow within the last day, so the time that evidence takes is unknown.'
            : `Based on the flows of ${counted(simulation.observed.applications, 'application')} within the last day.`}
        </p>
      </Section>
      <Section title="Steps">
        <ol className="divide-y divide-line text-sm">
          {simulation.steps.map((step) => (
            <li key={step.number} className="py-2">
              <StepLines step={step} isFirstWith={(sentence) => firstWith(simulation.steps, sentence) === step} />
            </li>
          ))}
        </ol>
      </Section>
    </div>
  )
}

function Movement({ simulation }: { simulation: SimulationDocument }) {
  const { movements, until } = movementsOf(simulation)
  if (movements.length === 0) return <Empty>No step would begin.</Empty>
  return <MovementChart movements={movements} until={until} />
}

interface StepLinesProps {
  readonly step: Step
  /** A sentence that several steps share stands only with the first of them. */
  readonly isFirstWith: (sentence: string) => boolean
}

function StepLines({ step, isFirstWith }: StepLinesProps) {
  const { number, moves, applications, traffic_share, begins_after_ms, lasts_ms, flows_at_risk, stalls, waits_for } =
    step
  return (
    <>
      <p className="flex flex-wrap gap-x-2">
        <span className="font-semibold wrap-anywhere">
          {number}. {moves}
        </span>
        <span>
          + {counted(applications.length, 'application')}
          {traffic_share !== null && `, + ${inPercent(traffic_share)} of the traffic`}
        </span>
      </p>
      <p className="text-faded">
        {begins_after_ms === null
          ? 'does not begin, because an earlier step never ends'
          : begins_after_ms === 0
            ? 'begins at once'
            : `begins after ${inDuration(begins_after_ms)}`}
        {lasts_ms !== null && `, lasts ${inDuration(lasts_ms)}`}
        {flows_at_risk > 0 && `; at most ${inFigures(flows_at_risk)} flows could fail before the guards act`}
        {waits_for.length > 0 && `; waits for ${waits_for.join(' and ')}`}
      </p>
      {stalls.filter(isFirstWith).map((sentence) => (
        <p key={sentence} className="border-l-4 border-broken pl-2 break-words">
          <span className="font-bold text-broken">! </span>
          {sentence}.
        </p>
      ))}
    </>
  )
}

function firstWith(steps: readonly Step[], sentence: string): Step | undefined {
  return steps.find(({ stalls }) => stalls.includes(sentence))
}

function durationInWords({ lasts_ms, soak_ms, steps }: SimulationDocument): string {
  const people = steps.some(({ waits_for }) => waits_for.length > 0)
    ? ', besides the time that it waits for people'
    : ''
  if (lasts_ms !== null)
    return `It takes about ${inDuration(lasts_ms)}, of which ${inDuration(soak_ms)} are the soak${people}.`
  const stalled = steps.find(({ lasts_ms: ms }, at) => ms === null || steps[at + 1]?.begins_after_ms === null)
  return stalled === undefined
    ? 'It would not end.'
    : `It stalls at step ${stalled.number} (${inShort(stalled.moves)}).`
}
