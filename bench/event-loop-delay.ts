// With `--node-option=--import=…/event-loop-delay.ts` a measured server prints, when it ends, the delays of its event
// loop in milliseconds.
import { monitorEventLoopDelay } from 'node:perf_hooks'

const delay = monitorEventLoopDelay({ resolution: 1 })
delay.enable()
process.on('exit', () => {
  const at = (percentile: number) => (delay.percentile(percentile) / 1e6).toFixed(1)
  process.stderr.write(`event loop delay, ms: p50 ${at(50)}, p99 ${at(99)}, p99.9 ${at(99.9)}\n`)
})
