export { ControlStream } from './decision-source/control-stream.ts'
export { inspectResponse } from './exchange/inspection/response-inspection.ts'
export { ResponseReader, type ResponseSink } from './fast-path/response-reader.ts'
export { OutcomeBuffer, type ReadyBatch } from './outcomes/outcome-buffer.ts'
export { OutcomeCollector } from './outcomes/outcome-collector.ts'
export { OutcomeSender } from './outcomes/outcome-sender.ts'
export { isSuffixed, withCors } from './responses/cors.ts'
export { errorResponse as gatewayErrorResponse, type GatewayError } from './responses/local-responses.ts'
export {
  DEFAULT_LIMITS,
  type DecisionSourceSettings,
  type GatewayLimits,
  type GatewaySettings,
} from './settings.ts'
export { type RunningGateway, startGateway } from './start.ts'
export type { ExchangeRecord } from './telemetry/exchange-record.ts'
export { PEER_HEADER } from './transport/peers.ts'
export type { BreakerPolicy } from './upstream/circuit/breaker.ts'
