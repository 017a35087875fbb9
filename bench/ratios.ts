/** Ratios of our cost to another program's, measured side by side, by name. */
export type Ratios = Readonly<Record<string, number>>

/** How one ratio compares with the stored one. */
export interface Comparison {
  readonly name: string
  readonly stored: number | undefined
  readonly measured: number | undefined
  /** `missing` was stored and is not measured any more; `new` is not stored yet. */
  readonly outcome: 'same' | 'better' | 'worse' | 'missing' | 'new'
}

/** How far a ratio may move, as a share of the stored one. */
export const TOLERANCE = 0.15

/** Compares measured ratios with the stored ones, in the order of their names. */
export function compareRatios(stored: Ratios, measured: Ratios, tolerance = TOLERANCE): Comparison[] {
  const names = [...new Set([...Object.keys(stored), ...Object.keys(measured)])].sort()
  return names.map((name) => {
    const [before, now] = [stored[name], measured[name]]
    return { name, stored: before, measured: now, outcome: outcomeOf(before, now, tolerance) }
  })
}

/** Whether a comparison fails the check: the ratio is worse, or nothing measures it any more. */
export function isFailure({ outcome }: Comparison): boolean {
  return outcome === 'worse' || outcome === 'missing'
}

function outcomeOf(stored: number | undefined, measured: number | undefined, tolerance: number): Comparison['outcome'] {
  if (stored === undefined) return 'new'
  if (measured === undefined || !Number.isFinite(measured)) return 'missing'
  if (measured > stored * (1 + tolerance)) return 'worse'
  return measured < stored * (1 - tolerance) ? 'better' : 'same'
}

/**
 * Reads stored ratios. Throws an error that names what is wrong if the text is not a JSON object of positive numbers.
 */
export function readRatios(text: string): Ratios {
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch (error) {
    throw new Error('the stored ratios are not JSON', { cause: error })
  }
  if (document === null || typeof document !== 'object' || Array.isArray(document))
    throw new Error('the stored ratios are not a JSON object')
  for (const [name, value] of Object.entries(document)) {
    if (typeof value !== 'number' || !(value > 0))
      throw new Error(`the stored ratio "${name}" is not a positive number`)
  }
  return document as Ratios
}
