import type { BrakeDocument } from '../api/documents.ts'

/** On how many of the connected gateways the last change of the brake acts: `on 6 of 6 gateways`. */
export function brakeReach({ all, acting }: BrakeDocument['gateways']): string {
  if (all === 0) return 'but no gateway is connected to follow it'
  return `on ${acting} of ${all} ${all === 1 ? 'gateway' : 'gateways'}`
}
