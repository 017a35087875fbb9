import { publicError } from '../../authorization-server/index.ts'
import { askToSignIn, page, redirectTo } from '../browser/answers.ts'
import { csrfToken } from '../browser/csrf.ts'
import type { Pages } from '../browser/routes.ts'
import type { RevocationResult, SharedGrants } from '../grants/shared-grants.ts'
import { AUTHORIZED_APPLICATIONS_PATH, authorizedApplicationsBody } from '../pages/authorized-applications.ts'
import { shownName } from '../pages/shown-name.ts'

/** The list of the signed-in user's authorized applications, and the revocation of one. */
export function authorizedApplicationPages(grants: SharedGrants): Pages {
  return {
    [`GET ${AUTHORIZED_APPLICATIONS_PATH}`]: async (visit) => {
      if (!visit.owner) return askToSignIn(visit, AUTHORIZED_APPLICATIONS_PATH)
      const body = authorizedApplicationsBody(await grants.list(visit.owner.id), csrfToken(visit.session))
      return page(visit, { title: 'Authorized applications', isWide: true, isSecret: true, body })
    },
    [`DELETE ${AUTHORIZED_APPLICATIONS_PATH}/:id`]: async (visit) => {
      if (!visit.owner) return askToSignIn(visit, AUTHORIZED_APPLICATIONS_PATH)
      const { result, name } = await grants.revoke(visit.owner.id, Number(visit.segments['id']))
      if (result === 'unknown') return publicError(404, visit.request)
      visit.session.set('flash', { kind: result === 'pending' ? 'alert' : 'notice', text: noticeOf(result, name) })
      return redirectTo(visit, AUTHORIZED_APPLICATIONS_PATH, 303)
    },
  }
}

function noticeOf(result: Exclude<RevocationResult, 'unknown'>, name: string): string {
  const application = shownName(name)
  return result === 'revoked'
    ? `${application} may no longer use your account.`
    : `${application} was revoked here, but the sign-in service has not confirmed it yet. Tokens that it has issued may still work; they end as soon as it does.`
}
