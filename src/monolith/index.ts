export { type SeedDocument, seedSchema } from './seed.ts'
export type { MonolithSettings } from './settings.ts'
export { type RunningMonolith, startMonolith } from './start.ts'
export type { SignInLimits } from './users/sign-in-throttle.ts'
