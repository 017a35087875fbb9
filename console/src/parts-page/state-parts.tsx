import { ApiProblem, lateProblem, problemOf, unreachableProblem } from '../api/problem.ts'
import { Section } from '../parts/layout/section.tsx'
import { Empty, Failure, Loading, NoPermission, Slow, TooMany } from '../parts/states/states.tsx'

const failed = problemOf(503, '{"detail":"the database does not answer; try again","request_id":"4f1c"}')
const unreadable = new ApiProblem(
  'unreadable',
  'The answer of the control plane was cut off or is not in a known form.',
)

/** What stands in the place of content that is not there. */
export function StateParts() {
  const of = 'the applications'
  return (
    <>
      <Section title="Loading for the first time">
        <Loading of={of} />
      </Section>
      <Section title="Loading again: the old state, dimmed">
        <p className="old">412 of 1,240 applications run on iam.</p>
      </Section>
      <Section title="Slow">
        <p className="text-sm text-faded">
          <Slow of={of} />
        </p>
      </Section>
      <Section title="Empty">
        <Empty>No application is in trouble.</Empty>
      </Section>
      <Section title="Error">
        <Failure of={of} error={failed} onRetry={() => {}} />
        <Failure of={of} error={lateProblem(10_000)} onRetry={() => {}} />
        <Failure of={of} error={unreadable} onRetry={() => {}} />
      </Section>
      <Section title="Offline">
        <Failure of={of} error={unreachableProblem(true)} />
      </Section>
      <Section title="No permission">
        <NoPermission of="the tokens" />
      </Section>
      <Section title="Too many">
        <TooMany shown="1,000" all="5,000 exclusions" how="Search for an application, or choose a cause." />
      </Section>
    </>
  )
}
