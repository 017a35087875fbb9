import type { RolloutDocument } from '../../api/rollouts.ts'
import { counted } from '../../format/numbers.ts'
import type { PageAction } from '../rollout-search.ts'
import type { Terms } from './action-terms.tsx'
import { stepInWords } from './action-words.ts'

/** What the dialog is about. */
export interface ActionSubject {
  readonly rollout: RolloutDocument
  readonly ask: PageAction
  /** For back, the step to go back to; otherwise the next step. */
  readonly toStep: number
  readonly terms: Terms
  readonly application: string | undefined
  readonly name: string
}

const TOKENS = 'Tokens that iam has issued continue to work until they expire or are revoked; that cannot be undone.'

/** The action with its object, for the title and the button of its dialog. */
export function titleOf({ rollout, ask, toStep, terms, name }: ActionSubject): string {
  switch (ask) {
    case 'start':
      return 'Start the rollout'
    case 'pause':
      return 'Pause the rollout'
    case 'resume':
      return 'Resume the rollout'
    case 'next':
      return `Begin step ${toStep} now`
    case 'back':
      return toStep === 0 ? 'Go back to the beginning' : `Go back to step ${toStep}`
    case 'abort':
      if (rollout.state === 'draft') return 'Discard the draft'
      return terms.keep || rollout.step === 0 ? 'Abort the rollout' : 'Abort the rollout and take all back'
    case 'retry':
      return `Retry ${name}`
    case 'exclude':
      return `Take back ${name === '' ? 'one application' : name}`
    case 'approve':
      return `Approve step ${toStep}`
    case 'acknowledge':
      return 'Acknowledge the watch'
  }
}

/** What the action does, and what cannot be undone, as sentences. */
export function consequenceOf({ rollout, ask, toStep, terms, name }: ActionSubject): string[] {
  const { steps, step, moved } = rollout
  const next = steps[toStep - 1]
  switch (ask) {
    case 'start':
      return [
        `The control plane carries out ${counted(steps.length, 'step')} by itself: it moves applications to iam, judges them, and takes back those that fail.`,
        `The first step (${steps[0]?.moves ?? 'none'}) begins as soon as nothing is in its way. You can pause or abort at any time.`,
        TOKENS,
      ]
    case 'pause':
      return [
        'No further step begins until someone resumes it. What has moved stays on iam, and the guards still take back what fails.',
      ]
    case 'resume':
      return [
        rollout.state === 'held'
          ? 'The rollout continues from the present step although it was held. Resume it only when the cause is gone.'
          : 'The rollout continues from the present step.',
      ]
    case 'next':
      return [
        `Step ${toStep} (${next?.moves ?? 'none'}) begins without waiting for time or evidence. Approvals, rules and guards still apply.`,
        TOKENS,
      ]
    case 'back':
      return [
        `New flows of everything that was moved after ${stepInWords(rollout, toStep)} go to rails. The rollout is paused then.`,
        TOKENS,
      ]
    case 'abort':
      if (rollout.state === 'draft')
        return ['The draft ends without having moved anything. It cannot be started later.']
      return [
        ...(step === 0
          ? ['Nothing has moved yet, so nothing is taken back.']
          : terms.keep
            ? [
                `The flag stays as it is: ${counted(moved, 'application')} of this rollout stay on iam, and no guard of it watches them any more.`,
              ]
            : [
                'New flows of everything that this rollout has moved go to rails; the flag is again what it was at the start.',
                TOKENS,
              ]),
        'An aborted rollout cannot be resumed; the same plan can become a new one.',
      ]
    case 'retry':
      return [
        `New flows of ${name} go to iam again, as a new attempt: its guards start from zero and need twice the evidence for a failure.`,
        'Retry it only when the cause is fixed.',
        TOKENS,
      ]
    case 'exclude':
      return exclusionInWords(name)
    case 'approve':
      return [
        `Step ${toStep} (${next?.moves ?? 'none'}) may begin when nothing else is in its way. An approval cannot be withdrawn; pausing is possible.`,
      ]
    case 'acknowledge':
      return ['You say that you watch this rollout for two hours. Steps may begin during that time.']
  }
}

function exclusionInWords(name: string): string[] {
  const who = name === '' ? 'the application' : name
  return [
    `New flows of ${who} go to rails. The rollout continues with the others, and leaves this one out until someone retries it.`,
    TOKENS,
  ]
}
