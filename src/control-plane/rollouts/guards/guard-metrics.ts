import { Gauge, type Registry } from 'prom-client'
import { ENVIRONMENTS } from '../../../flags/index.ts'
import type { GuardName, GuardReading } from '../../../guards/index.ts'
import type { LiveGuards } from './live-guards.ts'

const GUARDS: readonly GuardName[] = ['failures', 'completion', 'latency', 'shape', 'probes', 'cohort', 'global']
/** Where there is no reading: of one application, and of a group. */
const THRESHOLD = { application: 1_000, group: 10_000 }

type Shown = Pick<GuardReading, 'evidence' | 'threshold'>
const VERDICTS: ReadonlyArray<GuardReading['verdict']> = ['pass', 'fail', 'not_enough_evidence']

/**
 * Registers the metrics of the guards. Applications are no labels: of each guard and environment, the application with
 * the strongest evidence in proportion to its threshold is shown; `GET /api/v1/guards` names it.
 */
export function meterGuards(guards: LiveGuards, registry: Registry): void {
  const labelNames = ['environment', 'guard'] as const
  const strongest = new Map<string, Shown>()
  const counts = new Map<string, number>()
  const look = () => {
    strongest.clear()
    counts.clear()
    for (const environment of ENVIRONMENTS) {
      const show = (guard: GuardName, reading: Shown) => {
        const key = `${environment} ${guard}`
        const other = strongest.get(key)
        if (other === undefined || ratioOf(reading) > ratioOf(other)) strongest.set(key, reading)
      }
      for (const reading of guards.pooledReadings(environment)) show(reading.guard, reading)
      for (const reading of guards.readings(environment)) {
        show(reading.guard, reading)
        const verdict = `${environment} ${reading.verdict}`
        counts.set(verdict, (counts.get(verdict) ?? 0) + 1)
      }
    }
  }
  new Gauge({
    name: 'handover_guard_evidence',
    help: 'The strongest evidence of a guard against a moved application, a cohort or all; 1 when there is none.',
    labelNames,
    registers: [registry],
    collect() {
      look()
      each((environment, guard) =>
        this.set({ environment, guard }, strongest.get(`${environment} ${guard}`)?.evidence ?? 1),
      )
    },
  })
  new Gauge({
    name: 'handover_guard_threshold',
    help: 'The evidence at which that guard fails.',
    labelNames,
    registers: [registry],
    collect() {
      each((environment, guard) =>
        this.set({ environment, guard }, strongest.get(`${environment} ${guard}`)?.threshold ?? thresholdOf(guard)),
      )
    },
  })
  new Gauge({
    name: 'handover_guard_verdicts',
    help: 'Guards of moved applications, by verdict.',
    labelNames: ['environment', 'verdict'],
    registers: [registry],
    collect() {
      for (const environment of ENVIRONMENTS) {
        for (const verdict of VERDICTS) this.set({ environment, verdict }, counts.get(`${environment} ${verdict}`) ?? 0)
      }
    },
  })
}

function each(set: (environment: string, guard: string) => void): void {
  for (const environment of ENVIRONMENTS) for (const guard of GUARDS) set(environment, guard)
}

function thresholdOf(guard: string): number {
  return guard === 'cohort' || guard === 'global' ? THRESHOLD.group : THRESHOLD.application
}

function ratioOf({ evidence, threshold }: Shown): number {
  return evidence / threshold
}
