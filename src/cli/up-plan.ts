import { createServer } from 'node:net'
import { join } from 'node:path'
import { type ListenAddress, ListenError } from '../http/index.ts'

/** Where every part of `handover up` listens, and where the system keeps its files. */
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
    readonly demoClient: string
    readonly markCheckSecret: string
    readonly log: string
  }
}

const HOST = '127.0.0.1'

/** Lays the ports out: one after the other from `portBase`, or the parts' usual ones without it. */
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
      demoClient: join(dataDir, 'demo-client.json'),
      markCheckSecret: join(dataDir, 'mark-check-secret'),
      log: join(dataDir, 'handover.log'),
    },
  }
}

/** Rejects with {@link ListenError} for the first port that another process holds, before anything is started. */
export async function assertPortsFree(addresses: readonly ListenAddress[]): Promise<void> {
  for (const address of addresses) {
    await new Promise<void>((resolve, reject) => {
      const probe = createServer()
      probe.once('error', (error) => reject(new ListenError(address, error)))
      probe.listen({ host: address.host, port: address.port }, () => probe.close(() => resolve()))
    })
  }
}
