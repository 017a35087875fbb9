export { createControlPlaneTarget, createIamTarget } from './http-targets.ts'
export { enqueue, OUTBOX_SQL } from './outbox.ts'
export type { ReplicationTarget } from './ports.ts'
export { type Replicator, startReplicator } from './replicator.ts'
