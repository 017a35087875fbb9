export { createLog, type Log, silentLog } from './log.ts'
