export { type Form, formsIn } from './browser/forms.ts'
export { INJECTED_FAULTS, type InjectedFault, type InjectedFaultResult, probeFault } from './injected-faults.ts'
export { probe } from './probe.ts'
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
