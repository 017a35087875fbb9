export { DEFAULT_ENVIRONMENT, ENVIRONMENTS, type Environment, isEnvironment } from './environments.ts'
export { ControlPlaneFault, type ControlPlaneSettings, type TokenSetting } from './settings.ts'
export { type RunningControlPlane, startControlPlane } from './start.ts'
export { ROLES, type Role } from './tokens.ts'
