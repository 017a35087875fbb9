import type { Lab } from './lab.ts'
import type { Population } from './population.ts'
import type { Random } from './random.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'

/** One change that an operator could make. */
export type Flip =
  | {
      readonly kind: 'application'
      readonly id: number
      readonly value: 'true' | 'false' | 'opt_out' | 'remove_opt_out'
    }
  | { readonly kind: 'percentage'; readonly percentage: number }
  | { readonly kind: 'all'; readonly value: 'true' | 'false' }
  | { readonly kind: 'brake'; readonly on: boolean }

/** Draws a change: usually of one application, occasionally of all. */
export function drawFlip(random: Random, { applications }: Population): Flip {
  const kind = random.weighted([
    [60, 'application'],
    [15, 'percentage'],
    [10, 'all'],
    [5, 'brake'],
  ] as const)
  switch (kind) {
    case 'application': {
      const value = random.weighted([
        [4, 'true'],
        [4, 'false'],
        [1, 'opt_out'],
        [2, 'remove_opt_out'],
      ] as const)
      return { kind, id: random.pick(applications).id, value }
    }
    case 'percentage':
      return { kind, percentage: random.below(101) }
    case 'all':
      return { kind, value: random.chance(0.5) ? 'true' : 'false' }
    case 'brake':
      return { kind, on: random.chance(0.3) }
  }
}

/** Whether a change can affect an application. */
export function concerns(flip: Flip, application: number): boolean {
  return flip.kind !== 'application' || flip.id === application
}

/** Makes a change through the control plane's API. Resolves to the HTTP status; rejects if it is unreachable. */
export async function makeFlip(lab: Pick<Lab, 'controlUrl' | 'adminToken'>, flip: Flip): Promise<number> {
  const headers = { authorization: `Bearer ${lab.adminToken}`, 'content-type': 'application/json' }
  const isBrake = flip.kind === 'brake'
  const answer = await fetch(`${lab.controlUrl}${isBrake ? '/api/v1/brake' : `/api/v4/features/${FLAG}`}`, {
    method: isBrake ? 'PUT' : 'POST',
    headers,
    body: JSON.stringify(bodyOf(flip)),
    signal: AbortSignal.timeout(10_000),
  })
  await answer.arrayBuffer()
  return answer.status
}

function bodyOf(flip: Flip): object {
  switch (flip.kind) {
    case 'application':
      return { value: flip.value, oauth_application: String(flip.id) }
    case 'percentage':
      return { value: String(flip.percentage), key: 'percentage_of_actors' }
    case 'all':
      return { value: flip.value }
    case 'brake':
      return { on: flip.on, reason: 'storm' }
  }
}

/** Describes a change in a few words. */
export function flipInWords(flip: Flip): string {
  switch (flip.kind) {
    case 'application':
      return `application ${flip.id} ${flip.value}`
    case 'percentage':
      return `${flip.percentage} % of applications`
    case 'all':
      return `all ${flip.value}`
    case 'brake':
      return `brake ${flip.on ? 'on' : 'off'}`
  }
}
