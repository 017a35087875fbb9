export { decide, decideBeforeLookUp, decideByClient } from './decide.ts'
export type { ClientStatus, Decision, Facts, RoutingContext } from './decision.ts'
export { FLOW_MARK_SECONDS, flowCookie, GATEWAY_COOKIE_MARK } from './flow-marks.ts'
export {
  type ApplicationOutcomes,
  GATEWAY_REPORT_PATH,
  type GatewayIdentity,
  type GatewayReport,
  type SideTraffic,
} from './gateway-report.ts'
export { loggableClientId } from './loggable-client-id.ts'
export { type EndpointMatch, matchEndpoint, plainPath, staysBelow } from './match-endpoint.ts'
export { FLOW_PARAMETERS, ROUTING_PARAMETERS } from './parameters.ts'
export { type CredentialMarks, issuerByMark, type RequestParts, readFacts } from './read-facts.ts'
export { ApplicationTable } from './snapshot/application-table.ts'
export { membersOfStep, stepBetween } from './snapshot/gates.ts'
export * from './snapshot/lines.ts'
export { Snapshot } from './snapshot/snapshot.ts'
export { SnapshotInput } from './snapshot/snapshot-input.ts'
export { type Acceptance, SnapshotReader } from './snapshot/snapshot-reader.ts'
export { linesOf, piecesOf, type SnapshotContent, textOf } from './snapshot/write.ts'
export {
  type Destination,
  ENDPOINTS,
  type Endpoint,
  MAX_BODY_BYTES,
  MAX_CLIENT_ID_BYTES,
  REASONS,
  type Reason,
  ROUTING_FLAG,
  UNKNOWN_CLIENTS_FLAG,
  WIRE_DESTINATION,
} from './vocabulary.ts'
