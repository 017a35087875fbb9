import { Counter, collectDefaultMetrics, type Registry } from 'prom-client'
import { droppedLogLines } from './bounded-output.ts'

/**
 * Registers the metrics that every component exposes about its process: those of prom-client, and dropped log lines.
 */
export function meterProcess(registry: Registry): void {
  collectDefaultMetrics({ register: registry })
  const counter: Counter = new Counter({
    name: 'handover_log_dropped_lines_total',
    help: 'Log lines that were dropped because the log output did not take them.',
    registers: [registry],
    collect: (): void => {
      counter.reset()
      counter.inc(droppedLogLines())
    },
  })
}
