import type { Definitions, Environment } from '../../../flags/index.ts'
import type { Log } from '../../../observability/index.ts'
import type { GatewayRegistry } from '../../gateways/gateway-registry.ts'
import type { IamGrants } from '../../iam-state/iam-grants.ts'
import type { ChangeFeed } from '../../state/feed.ts'
import type { Store } from '../../state/store.ts'

/** The parts of the control plane that commands depend on. */
export interface ChatOpsDependencies {
  readonly log: Log
  readonly definitions: Definitions
  readonly store: Store
  readonly feed: ChangeFeed
  readonly gateways: GatewayRegistry
  /** The environments in which a change towards IAM requires a reason. */
  readonly reasonsRequired: readonly Environment[]
  /** The environment whose IAM `iamGrants` queries. */
  readonly environment: Environment
  readonly iamGrants: IamGrants
}
