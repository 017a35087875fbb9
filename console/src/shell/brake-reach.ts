import type { StatusDocument } from '../api/documents.ts'

type Gateways = ReadonlyArray<Pick<StatusDocument['gateways'][number], 'connected' | 'brake_on'>>

/** On how many of the connected gateways the brake acts as it should: `on 6 of 6 gateways`. */
export function brakeReach(isOn: boolean, gateways: Gateways): string {
  const connected = gateways.filter((gateway) => gateway.connected)
  const lost = gateways.length - connected.length
  if (connected.length === 0) return 'but no gateway is connected to follow it'
  const following = connected.filter((gateway) => gateway.brake_on === isOn).length
  const noun = connected.length === 1 ? 'gateway' : 'gateways'
  const reach = `on ${following} of ${connected.length} ${noun}`
  return lost === 0 ? reach : `${reach}; ${lost} more ${lost === 1 ? 'is' : 'are'} not connected`
}
