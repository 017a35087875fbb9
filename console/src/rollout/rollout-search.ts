/** The dialogs of the page, by the action that they ask about. */
export const ASKED_ACTIONS = [
  'start',
  'pause',
  'resume',
  'next',
  'back',
  'abort',
  'retry',
  'exclude',
  'approve',
  'acknowledge',
] as const
export type PageAction = (typeof ASKED_ACTIONS)[number]

/** What the address of a rollout says. */
export interface RolloutSearch {
  /** The action whose dialog is open. */
  readonly ask?: PageAction
  /** The application that the dialog is about. */
  readonly application?: string
  /** The cause whose exclusions are listed. */
  readonly cause?: string
  /** What the exclusions are searched for. */
  readonly find?: string
}

/** Reads the address of a rollout; what it does not know, it leaves out. */
export function readRolloutSearch(search: Readonly<Record<string, unknown>>): RolloutSearch {
  const { ask, application, cause, find } = search
  const action = ASKED_ACTIONS.find((one) => one === ask)
  return {
    ...(action === undefined ? {} : { ask: action }),
    ...(typeof application === 'string' && /^\d{1,15}$/.test(application) ? { application } : {}),
    ...(typeof cause === 'string' && cause !== '' ? { cause: cause.slice(0, 200) } : {}),
    ...(typeof find === 'string' && find !== '' ? { find: find.slice(0, 255) } : {}),
  }
}
