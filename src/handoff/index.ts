export * from './contract.ts'
export * from './replication.ts'
export * from './user-claims.ts'
