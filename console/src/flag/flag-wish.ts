import type { Environment } from '../api/documents.ts'

/** A change of a flag that a person wishes, before its preview. */
export interface FlagWish {
  /** The verb and its object, also on the button. */
  readonly action: string
  readonly environment: Environment
  readonly path: string
  readonly body: Readonly<Record<string, string | number>>
}

/** What the form of gates offers. */
export type GateChoice = 'all' | 'none' | 'share' | 'application' | 'opt_out'

interface GateInput {
  readonly choice: GateChoice
  /** A percentage, as it was typed. */
  readonly share: string
  /** An id or client_id, as it was typed. */
  readonly application: string
}

const PERCENTAGE = /^(?:100|\d{1,2})(?:\.\d{1,3})?$/

/** The wish that a form of gates describes, or what is missing in it, as a sentence. */
export function wishOf(
  name: string,
  environment: Environment,
  { choice, share, application }: GateInput,
): FlagWish | string {
  const wish = (action: string, body: Readonly<Record<string, string>>): FlagWish => ({
    ...{ action, environment, path: `api/v4/features/${encodeURIComponent(name)}` },
    body: { environment, ...body },
  })
  switch (choice) {
    case 'all':
      return wish('Switch it on for all', { value: 'true' })
    case 'none':
      return wish('Switch it off for all', { value: 'false' })
    case 'share':
      if (!PERCENTAGE.test(share) || Number(share) > 100) return 'Enter a percentage from 0 to 100.'
      return wish(`Set ${Number(share)} % of applications`, { value: share, key: 'percentage_of_actors' })
    case 'application':
      if (application === '') return 'Enter an application first.'
      return wish('Switch it on for the application', { value: 'true', oauth_application: application })
    case 'opt_out':
      if (application === '') return 'Enter an application first.'
      return wish('Opt the application out', { value: 'opt_out', oauth_application: application })
  }
}

/** The wish to bring back the state after a version; without a version, the state before the last change. */
export function restoreWish(name: string, environment: Environment, version: number | undefined): FlagWish {
  return {
    action: version === undefined ? 'Take back the last change' : `Restore the state of version ${version}`,
    environment,
    path: `api/v1/flags/${encodeURIComponent(name)}/restore`,
    body: { environment, ...(version === undefined ? {} : { to_version: version }) },
  }
}
