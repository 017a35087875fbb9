import { createServer } from 'node:net'
import { join } from 'node:path'
import { formatListenAddress, type ListenAddress, ListenError } from '../../http/index.ts'
import { ADDRESSES_FILE, type RecordedAddresses } from '../client/recorded-addresses.ts'

/** The addresses and files of every part of `handover up`. */
export interface UpPlan {
  readonly dataDir: string
  readonly gateway: ListenAddress
  readonly gatewayAdmin: ListenAddress
  readonly control: ListenAddress
  readonly iam: ListenAddress
  readonly iamInternal: ListenAddress
  readonly monolith: ListenAddress
  readonly demo: ListenAddress
  /** The origin that browsers and clients know: the gateway's. */
  readonly issuer: string
  readonly files: {
    readonly adminToken: string
    readonly gatewayToken: string
    readonly replicationToken: string
    readonly routingSecret: string
    readonly internalToken: string
    readonly verifierKey: string
    readonly sealingKey: string
    readonly stateKey: string
    readonly monolithAdminToken: string
    readonly demoClient: string
    readonly markCheckSecret: string
    readonly twins: string
    readonly addresses: string
    readonly log: string
  }
}

const HOST = '127.0.0.1'

/** Assigns the ports: consecutive ones from `portBase`, or the default of each part without it. */
export function planUp(dataDir: string, portBase: number | undefined): UpPlan {
  const at = (offset: number, usual: number): ListenAddress => ({
    host: HOST,
    port: portBase === undefined ? usual : portBase + offset,
  })
  const gateway = at(0, 8_181)
  return {
    dataDir,
    gateway,
    gatewayAdmin: at(1, 9_181),
    control: at(2, 8_080),
    iam: at(3, 8_084),
    iamInternal: at(4, 8_085),
    monolith: at(5, 3_000),
    demo: at(6, 8_090),
    issuer: `http://${HOST}:${gateway.port}`,
    files: {
      adminToken: join(dataDir, 'admin-token'),
      gatewayToken: join(dataDir, 'gateway-token'),
      replicationToken: join(dataDir, 'replication-token'),
      routingSecret: join(dataDir, 'routing-secret'),
      internalToken: join(dataDir, 'iam-internal-token'),
      verifierKey: join(dataDir, 'iam-verifier-key'),
      sealingKey: join(dataDir, 'iam-sealing-key'),
      stateKey: join(dataDir, 'monolith-state-key'),
      monolithAdminToken: join(dataDir, 'monolith-admin-token'),
      demoClient: join(dataDir, 'demo-client.json'),
      markCheckSecret: join(dataDir, 'mark-check-secret'),
      twins: join(dataDir, 'probe-twins.json'),
      addresses: join(dataDir, ADDRESSES_FILE),
      log: join(dataDir, 'handover.log'),
    },
  }
}

/** The addresses with which other commands find the system. */
export function addressesOf(plan: UpPlan): RecordedAddresses {
  const url = ({ host, port }: ListenAddress) => `http://${host}:${port}`
  return {
    gateway: url(plan.gateway),
    gateway_admin: url(plan.gatewayAdmin),
    control: url(plan.control),
    iam: url(plan.iam),
    iam_internal: url(plan.iamInternal),
    monolith: url(plan.monolith),
    demo: url(plan.demo),
  }
}

/** Rejects with a {@link ListenError} that names every unusable address, before anything starts. */
export async function assertPortsFree(addresses: readonly ListenAddress[]): Promise<void> {
  const probed = await Promise.all(addresses.map(async (address) => ({ address, fault: await probe(address) })))
  const [first, ...others] = probed.flatMap(({ address, fault }) => (fault ? [{ address, fault }] : []))
  if (first === undefined) return
  const also = others.map(({ address }) => formatListenAddress(address)).join(', ')
  const advice = 'use --port-base N to use the seven ports from N on, such as --port-base 22000'
  throw new ListenError(first.address, first.fault, also === '' ? advice : `also unavailable: ${also}; ${advice}`)
}

/** Why the address cannot be used; undefined when it is free. */
function probe(address: ListenAddress): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', resolve)
    server.listen({ host: address.host, port: address.port }, () => server.close(() => resolve(undefined)))
  })
}
