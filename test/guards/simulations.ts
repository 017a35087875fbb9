import { simulateManyApplications } from './many-applications.ts'
import { simulateSharedOutage } from './shared-outage.ts'
import { simulateCompletion, simulateDelays, simulateFalseAlarms, simulateLearnedRates } from './single-guard.ts'

/** How much is simulated. */
export interface SimulationSize {
  /** The number of runs with 100,000 outcomes each; those with 2,000 outcomes always have 2,000 runs. */
  readonly longRuns: number
  readonly delayRuns: number
  readonly learnedRuns: number
  readonly completionRuns: number
  readonly outages: number
  /** The most outcomes of each of 5,000 applications, before and after its break. */
  readonly outcomesEach: number
}

/** Small enough for the test suite. */
export const SHORT_SIMULATIONS: SimulationSize = {
  ...{ longRuns: 40, delayRuns: 600, learnedRuns: 200, completionRuns: 100, outages: 3, outcomesEach: 1_000 },
}

/** What `npm run bench -- guards` runs. */
export const FULL_SIMULATIONS: SimulationSize = {
  ...{ longRuns: 2_000, delayRuns: 2_000, learnedRuns: 2_000, completionRuns: 1_000, outages: 20 },
  outcomesEach: 28_000,
}

/** Runs every simulation with fixed seeds. */
export function runSimulations(size: SimulationSize) {
  return {
    falseAlarms: simulateFalseAlarms(1, [
      { outcomes: 2_000, runs: 2_000 },
      { outcomes: 100_000, runs: size.longRuns },
    ]),
    delays: simulateDelays(2, size.delayRuns),
    learned: simulateLearnedRates(3, size.learnedRuns),
    completion: simulateCompletion(4, size.completionRuns),
    outages: Array.from({ length: size.outages }, (_, index) => simulateSharedOutage(5 + index)),
    volumes: simulateManyApplications(6, size.outcomesEach),
  }
}

/** The results as text, one table after the other. */
export function simulationTables(results: ReturnType<typeof runSimulations>): string {
  const { falseAlarms, delays, learned, completion, outages, volumes } = results
  return [
    table(
      'False alarms at a tolerated rate of 3 %',
      ['true rate', 'outcomes', 'runs', 'E >= 100', 'E >= 1,000'],
      falseAlarms.map((row) => [percent(row.trueRate), row.outcomes, row.runs, row.at100, row.at1000]),
    ),
    table(
      'Outcomes until the act at a tolerated rate of 3 %',
      ['broken', 'good ones before', 'median', '95th percentile'],
      delays.map((row) => [percent(row.broken), row.goodBefore, row.median, row.p95]),
    ),
    table(
      'Tolerated rate learned from few outcomes at a true rate of 1 %; half of the flows break',
      ['cohort prior', 'on legacy', 'tolerated', 'false alarms', 'median', '95th percentile'],
      learned.map((row) => [
        ...[row.prior, row.legacyOutcomes, percent(row.meanRate)],
        ...[`${row.falseAlarms} of ${row.runs}`, row.median, row.p95],
      ]),
    ),
    table(
      'Completion: bursts of 200 starts, 33 % never completed, the others within ten minutes',
      ['starts', 'false alarms', 'as they end', 'all missing: median', '95th percentile'],
      [
        [
          ...[completion.starts, `${completion.falseAlarms} of ${completion.runs}`],
          ...[`${completion.falseAlarmsAsTheyEnd} of ${completion.runs}`, completion.median, completion.p95],
        ],
      ],
    ),
    table(
      'A minute in which both sides fail, 50 applications',
      ['failures', 'excluded', 'steps back', 'holds'],
      outages.map((row) => [row.failures, row.excluded, row.stepsBack, row.holds]),
    ),
    table(
      '5,000 applications, 28 days, one in a hundred broken in one of five ways',
      ['outcomes a day', 'simulated each', 'false roll-backs', 'found', 'median outcomes', 'most', 'median hours'],
      volumes.map((row) => [
        ...[row.perDay, row.outcomesEach, `${row.falseRollbacks} of ${row.healthy}`, `${row.found} of ${row.broken}`],
        ...[row.medianOutcomes, row.worstOutcomes, row.medianHours.toPrecision(2)],
      ]),
    ),
  ].join('\n')
}

function table(title: string, head: readonly string[], rows: ReadonlyArray<ReadonlyArray<string | number>>): string {
  const all = [head, ...rows].map((row) => row.map((cell) => cell.toLocaleString('en-US')))
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)))
  const lines = all.map((row) => row.map((cell, column) => cell.padStart(widths[column] ?? 0)).join('   '))
  return `${title}\n${lines.join('\n')}\n`
}

function percent(share: number): string {
  return `${Number((share * 100).toFixed(1))} %`
}
