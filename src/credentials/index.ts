export { boundedError } from './oauth-errors.ts'
export { type CredentialType, IAM_PREFIXES } from './prefixes.ts'
export { derivedKey, seal, unseal } from './seal.ts'
export { isGenuineVerifier, issueVerifier, type VerifierKind } from './verifier.ts'
