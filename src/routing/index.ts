export type { ClientStanding, Decision, Facts, Surroundings } from './decision.ts'
export * from './snapshot.ts'
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
