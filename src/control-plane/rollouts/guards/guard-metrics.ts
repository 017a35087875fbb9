import { Gauge, type Registry } from 'prom-client'
import { ENVIRONMENTS } from '../../../flags/index.ts'
import type { GuardName, GuardReading } from '../../../guards/index.ts'
import type { LiveGuards } from './live-guards.ts'

const GUARDS: readonly GuardName[] = ['failures', 'completion', 'latency', 'shape', 'probes']
const VERDICTS: ReadonlyArray<GuardReading['verdict']> = ['pass', 'fail', 'not_enough_evidence']

/**
 * Registers the metrics of the guards. Applications are no labels: of each guard and environment, the application with
 * the strongest evidence in proportion to its threshold is shown; `GET /api/v1/guards` names it.
 */
export function meterGuards(guards: LiveGuards, registry: Registry): void {
  const labelNames = ['environment', 'guard'] as const
  const strongest = new Map<string, GuardReading>()
  const counts = new Map<string, number>()
  const look = () => {
    strongest.clear()
    counts.clear()
    for (const environment of ENVIRONMENTS) {
      for (const reading of guards.readings(environment)) {
        const key = `${environment} ${reading.guard}`
        const other = strongest.get(key)
        if (other === undefined || ratioOf(reading) > ratioOf(other)) strongest.set(key, reading)
        const verdict = `${environment} ${reading.verdict}`
        counts.set(verdict, (counts.get(verdict) ?? 0) + 1)
      }
    }
  }
  new Gauge({
    name: 'handover_guard_evidence',
    help: 'The strongest evidence of a guard against a moved application; 1 when there is none.',
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
    help: 'The evidence at which the guard of that application fails its attempt.',
    labelNames,
    registers: [registry],
    collect() {
      each((environment, guard) =>
        this.set({ environment, guard }, strongest.get(`${environment} ${guard}`)?.threshold ?? 1_000),
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

function ratioOf({ evidence, threshold }: GuardReading): number {
  return evidence / threshold
}
