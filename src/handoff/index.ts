export * from './contract.ts'
export * from './user-claims.ts'
