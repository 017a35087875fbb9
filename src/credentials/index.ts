export { type CredentialType, IAM_PREFIXES } from './prefixes.ts'
export { isGenuineVerifier, mintVerifier, type VerifierKind } from './verifier.ts'
