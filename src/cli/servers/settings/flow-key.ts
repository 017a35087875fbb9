import { hkdfSync } from 'node:crypto'

/**
 * The key that signs flow marks and the marks of probes, derived from a secret that gateways and control plane share
 * anyway, so that all of them derive the same one.
 */
export function derivedFlowKey(secret: Uint8Array | string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, '', 'handover flow marks', 32))
}
