import type { DemoApplication } from './application.ts'
import type { Side } from './flows.ts'

/** What a visitor can try next. */
export interface NextStep {
  readonly text: string
  /** A shell command. */
  readonly command?: string
}

/** What the next step depends on: the side of new sign-ins of the web application, and which of its tokens are held. */
export interface Seen {
  readonly web: Pick<DemoApplication, 'id' | 'name'>
  /** Undefined if the control plane did not answer. */
  readonly side: Side | undefined
  readonly held: readonly Side[]
  /** The `handover` command with the options to reach this system. */
  readonly command: (text: string) => string
}

/** The next step of the tour in the README: a move to IAM and back. */
export function nextStep({ web, side, held, command }: Seen): NextStep {
  const flag = (value: boolean) =>
    command(`flag set proxy_oauth_requests_to_iam_service ${value} --oauth-application=${web.id}`)
  if (held.length === 0) {
    return { text: `Sign in with the ${web.name}. Afterwards this page shows which side issued its tokens.` }
  }
  if (side === 'IAM') {
    if (!held.includes('IAM')) {
      return {
        text: `The ${web.name} is on IAM now. Sign in again: the pages are the same, and IAM issues the tokens.`,
      }
    }
    const kept = held.includes('monolith')
      ? 'Open the tokens of the monolith below: they still refresh, introspect and revoke. Then bring'
      : 'Bring'
    return { text: `${kept} the application back to the monolith:`, command: flag(false) }
  }
  if (held.includes('IAM')) {
    return {
      text: `New sign-ins of the ${web.name} run on the monolith again. Open the tokens of IAM below: refresh, introspection and revocation still work.`,
    }
  }
  return { text: `Move the ${web.name} to IAM, and no other application. Then reload this page:`, command: flag(true) }
}
