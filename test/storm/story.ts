import { concerns, type Flip, flipInWords, makeFlip } from './flips.ts'
import type { Lab } from './lab.ts'
import type { Population } from './population.ts'
import { Random } from './random.ts'
import { type Breakage, castOf, type MadeFlip } from './storm.ts'
import { BeginAnew, BrokenFlow, Walk } from './walk.ts'
import { Jar, type Web } from './web.ts'

/** A flow with the flips between its steps: a storm reduced to what one flow saw. */
export interface Story {
  readonly breakage: Breakage
  /** The step before which each flip is made, in order. */
  readonly flips: ReadonlyArray<{ readonly before: number; readonly flip: Flip }>
}

const MAX_TRIES = 40
const SETTLE_MS = 5_000

/** Extracts the story of a flow from a storm: the flips of its time that can affect its application. */
export function storyOf(breakage: Breakage, flips: readonly MadeFlip[]): Story {
  const { startedAt, steps, application } = breakage
  const end = steps.at(-1)?.endedAt ?? startedAt
  // The last flips before the flow set its initial state; those during the flow follow.
  const earlier = flips.filter(({ at, flip }) => at < startedAt && concerns(flip, application.id)).slice(-8)
  const during = flips.filter(({ at, flip }) => at >= startedAt && at <= end && concerns(flip, application.id))
  return {
    breakage,
    flips: [...earlier, ...during].map(({ flip, at }) => {
      const before = steps.findIndex((step) => step.startedAt > at)
      return { flip, before: before < 0 ? steps.length : before }
    }),
  }
}

/** The result of shrinking. */
export interface Shrunk {
  readonly story: Story
  /**
   * Why the story breaks when replayed alone; undefined if it does not, so that the failure depends on the rest of the
   * storm.
   */
  readonly why: string | undefined
}

/**
 * Replays a story repeatedly, removing flips one by one as long as it still breaks.
 *
 * @param tell replays a story; resolves to the reason it broke, or undefined if it did not
 */
export async function shrink(story: Story, tell: (story: Story) => Promise<string | undefined>): Promise<Shrunk> {
  let why = await tell(story)
  if (why === undefined) return { story, why }
  let shortest = story
  for (let tries = 0, at = 0; tries < MAX_TRIES && at < shortest.flips.length; tries++) {
    const shorter = { ...shortest, flips: shortest.flips.filter((_, index) => index !== at) }
    const still = await tell(shorter)
    if (still === undefined) at++
    else [shortest, why] = [shorter, still]
  }
  return { story: shortest, why }
}

/**
 * Replays the flow alone, with the flips in their places. Resolves to the reason it broke, or undefined if it did not.
 */
export async function tellAlone(story: Story, lab: Lab, web: Web, population: Population): Promise<string | undefined> {
  const { flow, flowSeed } = story.breakage
  await makeFlip(lab, { kind: 'brake', on: false })
  await makeFlip(lab, { kind: 'all', value: 'false' })
  const random = new Random(flowSeed)
  const who = castOf(flow, random, population)
  random.next()
  const walk = new Walk({ ...who, jar: new Jar() }, random, {
    web,
    async beforeStep(index) {
      const due = story.flips.filter(({ before }) => before === index)
      for (const { flip } of due) await makeFlip(lab, flip)
      if (due.length > 0 || index === 0) await untilSettled(lab)
    },
    think: () => 0,
    isExcused: () => false,
    onStep() {},
  })
  try {
    await flow.run(walk)
    return undefined
  } catch (error) {
    if (error instanceof BrokenFlow || error instanceof BeginAnew) return error.message
    throw error
  }
}

/** Waits until both gateways hold the same version. */
async function untilSettled(lab: Lab): Promise<void> {
  const until = performance.now() + SETTLE_MS
  while (performance.now() < until) {
    const versions = await Promise.all(
      lab.gatewayAdminUrls.map(async (url) => {
        const answer = await fetch(`${url}/readyz`)
        return ((await answer.json()) as { snapshot_version: number | null }).snapshot_version
      }),
    )
    if (versions[0] === versions[1]) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** Describes a story in readable lines. */
export function storyInWords({ breakage, flips }: Story): string[] {
  const { flow, application, steps } = breakage
  const lines = [`${flow.name} of application ${application.id} (${application.kind}), flow seed ${breakage.flowSeed}`]
  for (let index = 0; index <= steps.length; index++) {
    for (const { flip } of flips.filter(({ before }) => before === index)) lines.push(`    ~ ${flipInWords(flip)}`)
    const step = steps[index]
    if (step !== undefined) lines.push(`  ${index + 1}. ${step.step} at gateway ${step.gateway + 1}: ${step.outcome}`)
  }
  if (breakage.faults.length > 0) lines.push(`  faults at the time: ${breakage.faults.join(', ')}`)
  lines.push(`  broke at ${breakage.why}`)
  return lines
}
