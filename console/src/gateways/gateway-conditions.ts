import type { GatewayDocument } from '../api/documents.ts'
import { counted, inDuration, inFull } from '../format/numbers.ts'
import type { Condition } from '../parts/badges/condition.tsx'

/** A condition and its words. */
export interface Judged {
  readonly condition: Condition
  readonly words: string
}

/** Whether a gateway holds what the control plane last changed. */
export function judgeVersion({ connected, snapshot_version: held, behind_ms: behind }: GatewayDocument): Judged {
  if (held === null) return { condition: 'broken', words: 'holds nothing yet' }
  const version = `version ${inFull(held)}`
  if (!connected) return { condition: 'unknown', words: `${version} when last heard` }
  if (behind === null) return { condition: 'unknown', words: `${version}, lag unknown` }
  if (behind > 0) return { condition: 'pending', words: `${version}, behind for ${inDuration(behind)}` }
  return { condition: 'well', words: `${version}, current` }
}

/** Whether a gateway sends flows to iam, or its circuit holds them back. */
export function judgeCircuit(gateway: GatewayDocument): Judged {
  const { iam_circuit_open: isOpen, application_circuits_open: open } = gateway
  if (isOpen === null) return { condition: 'unknown', words: 'not reported' }
  if (isOpen) return { condition: 'broken', words: 'open: new flows go to rails' }
  if (open !== null && open.length > 0) {
    return { condition: 'broken', words: `open for ${counted(open.length, 'application')}` }
  }
  return { condition: 'well', words: 'closed' }
}

/** Whether a gateway follows the brake of its environment; its own admin port can switch it as well. */
export function judgeBrake({ brake_on: isOn }: GatewayDocument, isOnHere: boolean | undefined): Judged {
  if (isOn === null) return { condition: 'unknown', words: 'not reported' }
  if (isOnHere === undefined || isOn === isOnHere) {
    return isOn ? { condition: 'set', words: 'on' } : { condition: 'well', words: 'off' }
  }
  return isOn
    ? { condition: 'broken', words: 'on at this gateway only' }
    : { condition: 'broken', words: 'off, although the environment’s is on' }
}

/** The state of all gateways as one sentence, the worst first. */
export function reachInWords(gateways: readonly GatewayDocument[], version: number): Judged {
  const connected = gateways.filter((each) => each.connected)
  const lost = gateways.length - connected.length
  if (connected.length === 0) {
    return {
      condition: 'broken',
      words:
        lost === 0
          ? 'No gateway is connected.'
          : `No gateway is connected; ${inFull(lost)} ${lost === 1 ? 'was' : 'were'} until recently.`,
    }
  }
  const current = connected.filter(({ snapshot_version: held, behind_ms: behind }) => held !== null && behind === 0)
  const known =
    current.length < connected.length
      ? `${current.length} of ${connected.length} connected gateways ${current.length === 1 ? 'knows' : 'know'}`
      : connected.length === 1
        ? 'The one connected gateway knows'
        : `All ${connected.length} connected gateways know`
  const away = lost === 0 ? '' : ` ${inFull(lost)} more ${lost === 1 ? 'is' : 'are'} not connected.`
  const isWell = current.length === connected.length && lost === 0
  return {
    condition: isWell ? 'well' : current.length === connected.length ? 'unknown' : 'pending',
    words: `${known} the present state, version ${inFull(version)}.${away}`,
  }
}
