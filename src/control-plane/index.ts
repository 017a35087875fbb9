export { type AlarmSettings, openAlarms } from './chatops/checks/open-alarms.ts'
export { ControlPlaneFault, type ControlPlaneSettings, type TokenSetting } from './settings.ts'
export { type RunningControlPlane, startControlPlane } from './start.ts'
