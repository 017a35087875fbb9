import { page } from '../browser/answers.ts'
import { csrfToken } from '../browser/csrf.ts'
import type { Pages } from '../browser/routes.ts'
import type { SharedGrants } from '../grants/shared-grants.ts'
import { homeBody } from '../pages/home.ts'

/** The home page. */
export function homePages(grants: SharedGrants): Pages {
  return {
    'GET /': async (visit) =>
      page(visit, {
        title: 'Home',
        isWide: true,
        body: homeBody({
          owner: visit.owner,
          csrfToken: csrfToken(visit.session),
          authorized: visit.owner && (await grants.list(visit.owner.id)),
        }),
      }),
  }
}
