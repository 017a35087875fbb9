import type { Application, Policy } from '../../applications/index.ts'
import { publicError } from '../../authorization-server/index.ts'
import type { HttpReply } from '../../http/index.ts'
import {
  type ApplicationDraft,
  checkAddresses,
  checkDraft,
  type DraftFaults,
  policyOf,
  readDraft,
} from '../applications/draft.ts'
import type { ApplicationRegistry } from '../applications/registry.ts'
import { askToSignIn, page, redirectTo } from '../browser/answers.ts'
import { csrfToken } from '../browser/csrf.ts'
import type { Pages } from '../browser/routes.ts'
import { addressOf, type SignedInVisit, type Visit } from '../browser/visit.ts'
import { applicationBody, applicationFormBody, applicationListBody } from '../pages/applications.ts'

/** Where users manage the applications they own. */
const APPLICATIONS_PATH = '/-/profile/applications'
const ONE = `${APPLICATIONS_PATH}/:id`
const EMPTY: ApplicationDraft = { name: '', redirectUris: [], scopes: [], confidential: true }
const CHANGED_MEANWHILE: DraftFaults = [
  'Someone else changed the application in the meantime. Check it and save again.',
]

/** The policy of an application on this server. */
export type PolicyOf = (application: Pick<Application, 'client_id' | 'policy'>) => Policy

/** What the pages of applications depend on. */
export interface ApplicationPagesOptions {
  readonly registry: ApplicationRegistry
  readonly policyFor: PolicyOf
  /** The scopes that an application may be limited to, in the order offered. */
  readonly scopes: readonly string[]
}

/** List, new, show, edit, renew the secret, delete: only the signed-in user's own applications. */
export function applicationPages({ registry, policyFor, scopes }: ApplicationPagesOptions): Pages {
  // An application's current scopes remain available, whatever the server offers today.
  const offeredTo = (application?: Application) => [...new Set([...scopes, ...(application?.scopes ?? [])])]
  const check = (draft: ApplicationDraft, application?: Application): DraftFaults => {
    const faults = checkDraft(draft)
    if (faults.length > 0) return faults
    const policy = draft.policy === undefined ? application?.policy : policyOf(draft)
    return checkAddresses(draft, policyFor({ client_id: application?.client_id ?? '', policy }))
  }
  const form = (visit: Visit, application: Application | undefined, draft: ApplicationDraft, faults: DraftFaults) =>
    showForm(visit, { application, draft, faults, scopes: offeredTo(application) })
  const showOne = (visit: Visit, application: Application, secret?: string, notice?: string) =>
    showApplication(visit, { application, policy: policyFor(application), secret, notice })
  return {
    [`GET ${APPLICATIONS_PATH}`]: signedIn(async (visit) => {
      const applications = await registry.ofOwner(visit.owner.id)
      return page(visit, { title: 'Applications', isWide: true, body: applicationListBody(applications) })
    }),
    [`GET ${APPLICATIONS_PATH}/new`]: signedIn(async (visit) => form(visit, undefined, EMPTY, [])),
    [`POST ${APPLICATIONS_PATH}`]: signedIn(async (visit) => {
      const draft = readDraft(visit.parameters, offeredTo())
      const faults = check(draft)
      if (faults.length > 0) return form(visit, undefined, draft, faults)
      const { application, secret } = await registry.create(visit.owner.id, draft)
      return showOne(visit, application, secret, 'Application created')
    }),
    [`GET ${ONE}`]: ofOwner(registry, async (visit, application) => showOne(visit, application)),
    [`GET ${ONE}/edit`]: ofOwner(registry, async (visit, application) =>
      form(visit, application, draftOf(application), []),
    ),
    [`PATCH ${ONE}`]: ofOwner(registry, async (visit, application) => {
      const draft = readDraft(visit.parameters, offeredTo(application))
      const faults = check(draft, application)
      if (faults.length > 0) return form(visit, application, draft, faults)
      const saved = await registry.update(application, draft)
      return saved === 'saved'
        ? backTo(visit, `${APPLICATIONS_PATH}/${application.id}`, 'Application saved')
        : form(visit, application, draft, CHANGED_MEANWHILE)
    }),
    [`POST ${ONE}/renew`]: ofOwner(registry, async (visit, application) => {
      const secret = await registry.renewSecret(application)
      return secret === 'conflict'
        ? form(visit, application, draftOf(application), CHANGED_MEANWHILE)
        : showOne(visit, application, secret, 'The secret was renewed. The old one no longer works.')
    }),
    [`DELETE ${ONE}`]: ofOwner(registry, async (visit, application) => {
      await registry.remove(application)
      return backTo(visit, APPLICATIONS_PATH, `${application.name} was deleted, with all its tokens`)
    }),
  }
}

function signedIn(answer: (visit: SignedInVisit) => Promise<HttpReply>) {
  return async (visit: Visit): Promise<HttpReply> => {
    const { owner } = visit
    if (owner) return answer({ ...visit, owner })
    return askToSignIn(visit, visit.method === 'GET' ? addressOf(visit.request) : APPLICATIONS_PATH)
  }
}

function ofOwner(
  registry: ApplicationRegistry,
  answer: (visit: SignedInVisit, application: Application) => Promise<HttpReply>,
) {
  return signedIn(async (visit) => {
    const application = await registry.find(visit.owner.id, visit.segments['id'] ?? '')
    return application ? answer(visit, application) : publicError(404, visit.request)
  })
}

interface Shown {
  readonly application: Application
  readonly policy: Policy
  readonly secret: string | undefined
  readonly notice: string | undefined
}

function showApplication(visit: Visit, { application, policy, secret, notice }: Shown): HttpReply {
  return page(visit, {
    title: application.name,
    isWide: true,
    isSecret: secret !== undefined,
    flash: notice === undefined ? undefined : { kind: 'notice', text: notice },
    body: applicationBody({ application, policy, secret, csrfToken: csrfToken(visit.session) }),
  })
}

interface ShownForm {
  readonly application: Application | undefined
  readonly draft: ApplicationDraft
  readonly faults: DraftFaults
  readonly scopes: readonly string[]
}

function showForm(visit: Visit, { application, draft, faults, scopes }: ShownForm): HttpReply {
  return page(visit, {
    title: application ? `Edit ${application.name}` : 'New application',
    isWide: true,
    status: faults.length > 0 ? 422 : 200,
    body: applicationFormBody({ application, draft, faults, scopes, csrfToken: csrfToken(visit.session) }),
  })
}

function backTo(visit: Visit, path: string, notice: string): HttpReply {
  visit.session.set('flash', { kind: 'notice', text: notice })
  return redirectTo(visit, path, 303)
}

function draftOf(application: Application): ApplicationDraft {
  const { name, redirect_uris, scopes, confidential, policy = {} } = application
  return { name, redirectUris: redirect_uris, scopes, confidential, policy }
}
