import { EvidenceChart } from '../charts/evidence-chart.tsx'
import type { ChartMark } from '../charts/marks.tsx'
import { Sparkline } from '../charts/sparkline.tsx'
import { TimeChart } from '../charts/time-chart.tsx'
import { Section } from '../parts/layout/section.tsx'

const MINUTES = 60
const from = Math.floor(Date.now() / 60_000) * 60_000 - MINUTES * 60_000
const minute = (at: number) => from + at * 60_000
/** 30 % of the traffic moves at the 20th minute, 60 % at the 40th. */
const shareOnIam = (at: number) => (at < 20 ? 0.1 : at < 40 ? 0.3 : 0.6)
const wave = (at: number) => 110 + 12 * Math.sin(at / 4) + 5 * Math.sin(at * 1.7)

const series = (['rails', 'iam'] as const).map((name) => ({
  name,
  points: Array.from({ length: MINUTES + 1 }, (_, at) => {
    const iam = shareOnIam(at)
    return { at: minute(at), value: wave(at) * (name === 'iam' ? iam : 1 - iam) }
  }),
}))
const marks: ChartMark[] = [
  { at: new Date(minute(20)).toISOString(), kind: 'flip', sentence: 'Step 10 % → 30 %' },
  { at: new Date(minute(40)).toISOString(), kind: 'flip', sentence: 'Step 30 % → 60 %' },
  { at: new Date(minute(52)).toISOString(), kind: 'rollback', sentence: 'Jenkins was taken back' },
]
const evidence = [1, 0.8, 0.7, 0.6, 9, 8, 7.5, 90, 85, 1_250].map((value, at) => ({
  at: minute(at * 5),
  value: Math.max(1, value),
}))
const thresholds = [
  { value: 100, words: 'hold' },
  { value: 1_000, words: 'roll back' },
]

/** The charts, with invented values, because a chart without any shows nothing. */
export function ChartParts() {
  return (
    <>
      <Section title="A chart over time (invented values)">
        <TimeChart title="Traffic" range="last hour" unit="flows a minute" series={series} marks={marks} />
      </Section>
      <Section title="Evidence against its thresholds (invented values)">
        <EvidenceChart title="Evidence that it is broken" range="last hour" points={evidence} thresholds={thresholds} />
      </Section>
      <Section title="Lines in a row of a list (invented values)">
        <p className="flex items-center gap-4 text-sm">
          <span>
            rails 84 ms <Sparkline values={[80, 82, 90, 84, 83, 84]} colour="rails" />
          </span>
          <span>
            iam 41 ms <Sparkline values={[60, 52, null, 44, 42, 41]} colour="iam" />
          </span>
        </p>
      </Section>
      <Section title="A chart without values">
        <TimeChart title="Traffic" range="last hour" unit="flows a minute" series={[]} />
      </Section>
    </>
  )
}
