import type { OutcomeSide } from '../../../outcomes/index.ts'
import type { InjectedFault, Twin } from '../../../probes/index.ts'

/** A twin application as an operator configures it. */
export interface TwinSettings {
  readonly name: string
  /** The cohort that it stands for; undefined: that of its own registration. */
  readonly cohort: string | undefined
  /** Only for drills: it stands for no application, so that being broken on purpose is held against none. */
  readonly isForDrills: boolean
  /** The sides on which the schedule probes it. */
  readonly sides: readonly OutcomeSide[]
  readonly twin: Twin
  /** The faults that `handover probe --faults` tries with it. */
  readonly faults: readonly InjectedFault[]
}

/** The probes of the control plane's environment. */
export interface ProbeSettings {
  /** The public origin, as clients know it: the gateway's. */
  readonly origin: string
  /** Time limit of one request. */
  readonly stepLimitMs: number
  /** How many requests a second IAM can serve; scheduled probes use at most 1 % of that. */
  readonly iamRequestsPerSecond: number
  /** Signs the marks of probes; must be the key of flow marks at the gateways. Read when first needed. */
  readonly markKey: () => Uint8Array
  readonly twins: readonly TwinSettings[]
}
