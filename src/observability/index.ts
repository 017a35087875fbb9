export { type LineAllowance, LineBudget } from './line-budget.ts'
export { type LineWriter, lineWriter } from './lines.ts'
export { createLog, type Log, silentLog } from './log.ts'
export { mergeMetrics } from './merge-metrics.ts'
