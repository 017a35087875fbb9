export type { BreakerPolicy } from './breaker.ts'
export { type RunningGateway, startGateway } from './gateway.ts'
export { DEFAULT_LIMITS, type DecisionSourceSettings, type GatewayLimits, type GatewaySettings } from './settings.ts'
