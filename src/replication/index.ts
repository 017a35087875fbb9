export { controlPlaneTarget, IAM_TARGET, iamTarget } from './http-targets.ts'
export { enqueue, OUTBOX_SQL, type OutboxEvent } from './outbox.ts'
export type {
  ApplicationSource,
  DeliveryOutcome,
  HeldApplication,
  RemovedApplication,
  ReplicationTarget,
} from './ports.ts'
export { type Replicator, type ReplicatorOptions, startReplicator } from './replicator.ts'
