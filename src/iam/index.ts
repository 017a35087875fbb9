export type { IamSettings, RunningIam } from './settings.ts'
export { startIam } from './start.ts'
