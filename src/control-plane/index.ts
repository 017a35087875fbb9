export { type AlarmSettings, openAlarms } from './chatops/checks/open-alarms.ts'
export type { ControlPlaneSettings, TokenSetting } from './settings.ts'
export { type RunningControlPlane, startControlPlane } from './start.ts'
export { ControlPlaneFault } from './state/control-plane-fault.ts'
