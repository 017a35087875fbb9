import type { Environment } from '../../flags/index.ts'
import type { GatewayRecord } from './gateway-record.ts'
import type { GatewayRegistry } from './gateway-registry.ts'

/** The reports of one environment's gateways that change where they send new flows. Each list holds names. */
export interface GatewayHealth {
  readonly connected: number
  readonly circuitOpen: readonly string[]
  readonly brakeOn: readonly string[]
  /** Those that have not applied the newest version yet. */
  readonly behind: readonly string[]
  /** By application, where its own circuit is open. */
  readonly applicationCircuitOpen: (application: number | undefined) => readonly string[]
}

/** What is true of every one of the gateways; each of them decides by its own state. */
export interface CommonState {
  readonly brake: boolean
  readonly iamAvailable: (application: number | undefined) => boolean
}

/** The gateways of all replicas; only those of this replica while the database does not answer. */
export function knownGateways({ gateways }: { readonly gateways: GatewayRegistry }): Promise<readonly GatewayRecord[]> {
  return gateways.all().catch(() => gateways.own())
}

/** Reads the reports of the connected gateways. */
export function gatewayHealth(records: readonly GatewayRecord[], environment: Environment): GatewayHealth {
  const connected = records.filter((each) => each.environment === environment && each.isConnected)
  const namesWhere = (isMeant: (record: GatewayRecord) => boolean) =>
    connected.filter(isMeant).map(({ name, instance }) => name ?? instance)
  return {
    connected: connected.length,
    circuitOpen: namesWhere(({ isCircuitOpen }) => isCircuitOpen === true),
    brakeOn: namesWhere(({ isBrakeOn }) => isBrakeOn === true),
    behind: namesWhere(({ behindMs }) => (behindMs ?? 0) > 0),
    applicationCircuitOpen: (application) =>
      application === undefined
        ? []
        : namesWhere(
            ({ isCircuitOpen, openApplications }) =>
              isCircuitOpen !== true && (openApplications ?? []).includes(application),
          ),
  }
}

/** The state that all gateways share. If none is connected, IAM counts as up. */
export function commonState(health: GatewayHealth): CommonState {
  const isEvery = (count: number) => health.connected > 0 && count >= health.connected
  return {
    brake: isEvery(health.brakeOn.length),
    iamAvailable: (application) =>
      !isEvery(health.circuitOpen.length + health.applicationCircuitOpen(application).length),
  }
}

/**
 * Says in sentences, for a decision about an application, which gateways decide differently from the flags, and why.
 */
export function healthInWords(health: GatewayHealth, application: number | undefined): string[] {
  const { connected, circuitOpen, brakeOn, behind } = health
  if (connected === 0) return ['no gateway is connected, so IAM is assumed to be up']
  const own = health.applicationCircuitOpen(application)
  const at = (names: readonly string[]) =>
    `${names.length} of ${connected} ${connected === 1 ? 'gateway' : 'gateways'} (${listed(names)})`
  const words = [
    ...(circuitOpen.length > 0 ? [`IAM's circuit is open at ${at(circuitOpen)}: new flows go to legacy there`] : []),
    ...(own.length > 0
      ? [`the circuit of application ${application} is open at ${at(own)}: its new flows go to legacy there`]
      : []),
    ...(brakeOn.length > 0 ? [`the local brake is on at ${at(brakeOn)}: no new flow goes to IAM there`] : []),
    ...(behind.length > 0 ? [`an older version is still in use at ${at(behind)}`] : []),
  ]
  if (words.length > 0) return words
  const who = connected === 1 ? 'the connected gateway reports' : `all ${connected} connected gateways report`
  return [`${who} that IAM is up and the newest version is in use`]
}

function listed(names: readonly string[]): string {
  const different = [...new Set(names)]
  return different.length <= 3
    ? different.join(', ')
    : `${different.slice(0, 3).join(', ')} and ${different.length - 3} more`
}
