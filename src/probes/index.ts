export { type Form, formsIn } from './browser/forms.ts'
export { probe } from './probe.ts'
export { probeTrouble, TROUBLES, type Trouble, type TroubleResult } from './troubles.ts'
export {
  type Breakage,
  breakagesOf,
  breakTwin,
  type ProbeKind,
  type ProbeResult,
  type ProbeStep,
  type Twin,
} from './twin.ts'
export type { WireSettings } from './wire.ts'
