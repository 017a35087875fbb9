/** The control plane cannot start with its settings; contains all faults, one per line. */
export class ControlPlaneFault extends Error {
  readonly code = 'control_plane_fault'
  readonly faults: readonly string[]
  constructor(faults: readonly string[], options?: { cause?: unknown }) {
    super(faults.join('\n'), options)
    this.name = 'ControlPlaneFault'
    this.faults = faults
  }
}
