export { HaproxyError } from './process/program.ts'
export type { DataPlaneSettings } from './settings.ts'
export { type RunningDataPlane, startDataPlane } from './start.ts'
