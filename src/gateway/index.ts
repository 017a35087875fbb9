export type { BreakerPolicy } from './circuit/breaker.ts'
export { ControlStream } from './control-stream.ts'
export { type RunningGateway, startGateway } from './gateway.ts'
export type { DecisionSourceSettings, GatewayLimits, GatewaySettings } from './settings.ts'
