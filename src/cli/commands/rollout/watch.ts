import { setTimeout as sleep } from 'node:timers/promises'
import { withoutControls } from '../../../chatops/index.ts'
import { type ControlClient, RefusedError } from '../../client/control-client.ts'
import type { Printed } from '../../client/control-command.ts'
import { askEvents, askRollout, eventInWords, type RolloutDocument, rolloutInWords } from './documents.ts'

const LOOK_MS = 1_000

/**
 * Prints the events of a rollout as they happen, until it has ended. The exit code is 0 for a completed rollout and 1
 * for an aborted one. A control plane that restarts in the meantime is waited for.
 */
export function watched(ask: ControlClient, id: number, isJson: boolean): Printed {
  let exitCode: 0 | 1 = 0
  async function* text(): AsyncGenerator<string> {
    let seen = 0
    let shown = ''
    let isAway = false
    // The first look fails like any other command.
    let look = await lookAt(ask, id, seen)
    for (;;) {
      for (const event of look.events) {
        yield isJson ? `${JSON.stringify(event)}\n` : `${withoutControls(eventInWords(event))}\n`
        seen = event.number
      }
      const now = progressOf(look.rollout)
      if (now !== shown && !isJson) yield `${withoutControls(now)}\n`
      shown = now
      if (look.rollout.state === 'completed' || look.rollout.state === 'aborted') {
        exitCode = look.rollout.state === 'completed' ? 0 : 1
        return
      }
      await sleep(LOOK_MS)
      const next = await lookAt(ask, id, seen).catch((error: unknown) => {
        if (error instanceof RefusedError && (error.status === undefined || error.status >= 500)) return undefined
        throw error
      })
      if (next === undefined && !isAway && !isJson) yield 'the control plane does not answer; waiting for it\n'
      isAway = next === undefined
      look = next ?? { ...look, events: [] }
    }
  }
  return { json: undefined, lines: [], text: text(), exitCode: () => exitCode }
}

async function lookAt(ask: ControlClient, id: number, seen: number) {
  const { rollout } = await askRollout(ask, id)
  return { rollout, events: await askEvents(ask, id, seen) }
}

function progressOf(rollout: RolloutDocument): string {
  const waits = rollout.waiting_for.length === 0 ? '' : `\n? ${rollout.waiting_for.join('\n? ')}`
  return `> ${rolloutInWords(rollout)}${waits}`
}
