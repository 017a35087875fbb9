import type { ApplicationDocument } from '../../../src/control-plane/api/operations/application-document.ts'

/** The documents of the API, as the control plane's own schemas describe them. */

export type {
  AuditDocument,
  LastVerificationDocument,
  VerificationDocument,
} from '../../../src/control-plane/api/audit/audit.ts'
export type { EnvironmentsDocument } from '../../../src/control-plane/api/console/environments.ts'
export type { MeDocument, Verb } from '../../../src/control-plane/api/console/me.ts'
export type { OverviewDocument } from '../../../src/control-plane/api/console/overview.ts'
export type { TrafficDocument } from '../../../src/control-plane/api/console/traffic.ts'
export type { ExplainDocument, ExplainedClientsDocument } from '../../../src/control-plane/api/decisions/explain.ts'
export type { FlagHistoryDocument } from '../../../src/control-plane/api/flags/flags.ts'
export type { FlagDocument } from '../../../src/control-plane/api/flags/one-flag.ts'
export type { GatewayDocument, GatewaysDocument } from '../../../src/control-plane/api/gateways/gateways.ts'
export type { ApplicationDocument } from '../../../src/control-plane/api/operations/application-document.ts'
export type { BrakeDocument } from '../../../src/control-plane/api/operations/brake.ts'
export type { ChannelsDocument } from '../../../src/control-plane/api/operations/channels.ts'
export type { ListDocument } from '../../../src/control-plane/api/operations/listed-application.ts'
export type { SideEffectDocument } from '../../../src/control-plane/api/operations/side-effects.ts'
export type { CreatedTokenDocument, TokenDocument } from '../../../src/control-plane/api/operations/tokens.ts'
export type { GuardDocument, GuardsDocument } from '../../../src/control-plane/api/rollouts/guards.ts'
export type { SessionDocument } from '../../../src/control-plane/api/sign-in/sessions.ts'
export type { FeatureDocument } from '../../../src/control-plane/flags/flag-documents.ts'
export type { Preview as PreviewDocument } from '../../../src/control-plane/flags/preview.ts'
export type { Environment } from '../../../src/flags/index.ts'

/** A page of the history of an application. */
export type HistoryDocument = ApplicationDocument['history']
export type { RevocationDocument } from '../../../src/control-plane/api/operations/credentials.ts'
