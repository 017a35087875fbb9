/** The documents of the API, as the control plane's own schemas describe them. */

export type { MeDocument, Verb } from '../../../src/control-plane/api/console/me.ts'
export type { BrakeDocument } from '../../../src/control-plane/api/operations/brake.ts'
export type {
  ListDocument,
  ListedApplicationDocument,
} from '../../../src/control-plane/api/operations/listed-application.ts'
export type { StatusDocument } from '../../../src/control-plane/api/operations/status.ts'
export type { Environment } from '../../../src/flags/index.ts'
