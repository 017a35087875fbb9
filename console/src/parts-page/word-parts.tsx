import { inDuration, inFigures, inPercent } from '../format/numbers.ts'
import { ConditionBadge } from '../parts/badges/condition.tsx'
import { ENVIRONMENTS, EnvironmentBadge } from '../parts/badges/environment.tsx'
import { SideBadge } from '../parts/badges/side.tsx'
import { VerdictBadge } from '../parts/badges/verdict.tsx'
import { Section } from '../parts/layout/section.tsx'
import { ShareBar } from '../parts/shares/share-bar.tsx'
import { ApplicationName } from '../parts/text/name.tsx'
import { Time } from '../parts/text/time.tsx'

const NAMES = [
  'Jenkins',
  'مرحبا بالعالم',
  '🦊 GitLab CI 🚀',
  '<script>alert("name")</script>',
  'A very long name '.repeat(30),
  ' ',
]
const loadedAt = Date.now()

/** Words, numbers and colours that have one form everywhere. */
export function WordParts() {
  const ago = (seconds: number) => new Date(loadedAt - seconds * 1_000)
  return (
    <>
      <Section title="Sides, verdicts and environments">
        <div className="flex flex-col gap-3">
          <p className="flex gap-2">
            <SideBadge side="rails" />
            <SideBadge side="iam" />
          </p>
          <p className="flex flex-wrap gap-x-4 gap-y-1">
            <VerdictBadge verdict="pass" />
            <VerdictBadge verdict="fail" />
            <VerdictBadge verdict="not_enough_evidence" />
            <VerdictBadge verdict={undefined} />
          </p>
          <p className="flex flex-wrap gap-x-4 gap-y-1">
            <ConditionBadge condition="well">current</ConditionBadge>
            <ConditionBadge condition="pending">behind for 4.2 s</ConditionBadge>
            <ConditionBadge condition="set">on</ConditionBadge>
            <ConditionBadge condition="broken">open</ConditionBadge>
            <ConditionBadge condition="unknown">not reported</ConditionBadge>
          </p>
          <p className="flex flex-wrap gap-2">
            {ENVIRONMENTS.map((name) => (
              <EnvironmentBadge key={name} environment={name} />
            ))}
          </p>
        </div>
      </Section>
      <Section title="Times and numbers">
        <p className="flex flex-col gap-1">
          {[ago(12), ago(3_000), ago(200_000), ago(-900)].map((at) => (
            <Time key={at.getTime()} at={at} />
          ))}
          <span>
            {[inFigures(1_204), inFigures(124_400), inPercent(0.634), inPercent(0.9999), inDuration(84)].join(' · ')}
          </span>
        </p>
      </Section>
      <Section title="Shares of the two sides">
        <div className="flex flex-col gap-3">
          <ShareBar iam={0.63} of="traffic" />
          <ShareBar iam={0} of="applications" />
          <ShareBar iam={0.9999} of="applications" />
        </div>
      </Section>
      <Section title="Names, which are untrusted text">
        <ul className="flex flex-col gap-1">
          {NAMES.map((name, at) => (
            <li key={name} className="flex min-w-0 gap-2">
              <SideBadge side={at % 2 === 0 ? 'rails' : 'iam'} />
              <ApplicationName name={name} id={at + 1} />
            </li>
          ))}
        </ul>
      </Section>
    </>
  )
}
