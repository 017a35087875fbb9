import { escapeHtml } from '../http/index.ts'
import type { DemoApplication } from './application.ts'
import { issuerOf, masked, type PendingDevice, type Side } from './flows.ts'
import { page } from './layout.ts'
import type { NextStep } from './next-step.ts'
import type { Account } from './visits.ts'

/** The content of the first page. */
export interface HomePage {
  /** Each with the side of its new sign-ins, if known. */
  readonly applications: ReadonlyArray<{ readonly application: DemoApplication; readonly side: Side | undefined }>
  readonly accounts: readonly Account[]
  readonly next: NextStep
}

/** The first page: the applications to sign in with, what to try next, and the tokens that the visitor holds. */
export function homePage({ applications, accounts, next }: HomePage): string {
  const cards = applications.map(
    ({
      application,
      side,
    }) => `<section class="card"><h2>${escapeHtml(application.name)} <span class="soft">#${application.id}</span></h2>
<p>${side ? `New sign-ins run on${sideMark(side)}` : 'The side of new sign-ins is unknown.'}</p>
<p class="soft">${escapeHtml(application.about)}<br>client_id <code>${escapeHtml(application.clientId)}</code></p>
<form method="post" action="/sign-in/${application.key}"><button>${
      application.grant === 'device_code' ? 'Start the device flow' : 'Sign in'
    }</button></form></section>`,
  )
  return page(
    'Sign in',
    `<h1>Demo client</h1><p class="soft">An OAuth client that knows one authorization server and cannot tell that there are two. Sign in, then see which side issued which token.</p>
<aside class="card next" aria-label="What to try next"><h2>Next</h2><p>${escapeHtml(next.text)}</p>${
      next.command === undefined ? '' : `<pre>${escapeHtml(next.command)}</pre>`
    }</aside>
${cards.join('\n')}${accounts.length === 0 ? '' : heldTokens(accounts)}`,
  )
}

function heldTokens(accounts: readonly Account[]): string {
  const rows = accounts.map(
    (account) =>
      `<tr><th scope="row">${escapeHtml(account.application.name)}</th><td>${
        account.isRevoked ? 'revoked' : `<code>${escapeHtml(masked(account.tokens.accessToken))}</code>`
      } ${sideMark(issuerOf(account.tokens.accessToken))}</td><td><a href="/accounts/${account.id}">Open</a></td></tr>`,
  )
  return `<div class="card"><h2>Your tokens</h2><table><tbody>${rows.join('')}</tbody></table></div>`
}

function sideMark(side: Side): string {
  return `<span class="side ${side}">${side}</span>`
}

const ACTIONS = [
  ['userinfo', 'Call userinfo'],
  ['api', 'Call the API'],
  ['refresh', 'Refresh'],
  ['introspect', 'Introspect'],
  ['revoke', 'Revoke'],
] as const

/** The page of a signed-in visitor: the masked tokens, the side that issued them, and the actions. */
export function accountPage(account: Account): string {
  const { application, tokens, isRevoked, shown } = account
  const rows: Array<[string, string | undefined]> = [
    ['Access token', tokens.accessToken],
    ['Refresh token', tokens.refreshToken],
  ]
  const body = rows.map(([name, token]) => {
    if (token === undefined) return `<tr><th scope="row">${name}</th><td class="soft">none</td></tr>`
    return `<tr><th scope="row">${name}</th><td><code>${escapeHtml(masked(token))}</code> ${sideMark(issuerOf(token))}</td></tr>`
  })
  const actions = ACTIONS.map(
    ([action, label]) =>
      `<form method="post" action="/accounts/${account.id}/act/${action}"><button class="plain">${label}</button></form>`,
  )
  const result = shown
    ? `<section class="card" aria-live="polite"><h2>${escapeHtml(shown.action)}</h2><pre>${escapeHtml(
        typeof shown.value === 'string' ? shown.value : JSON.stringify(shown.value, null, 2),
      )}</pre></section>`
    : ''
  const heading = isRevoked
    ? '<h1>Tokens revoked</h1><p>Neither side accepts them any longer. Try an action to see how it is rejected.</p>'
    : '<h1>Signed in</h1>'
  return page(
    isRevoked ? 'Tokens revoked' : 'Signed in',
    `${heading}<p class="soft">as user ${escapeHtml(tokens.subject ?? '?')} with ${escapeHtml(application.name)} (application ${application.id})</p>
<section class="card"><h2>Tokens</h2><table><tbody>${body.join('')}
<tr><th scope="row">Scope</th><td>${escapeHtml(tokens.scope ?? '')}</td></tr>
<tr><th scope="row">Lifetime</th><td>${tokens.expiresIn ?? '?'} s</td></tr></tbody></table></section>
<section class="card"><h2>Try</h2>${actions.join('')}</section>
<div><a class="button" href="/">Start again, keep these tokens</a> <form method="post" action="/accounts/${account.id}/forget"><button class="plain">Forget these tokens</button></form></div>${result}`,
  )
}

/** The page that a device would show while it waits. */
export function devicePage(id: string, pending: PendingDevice): string {
  const address = pending.verificationUri
  return page(
    'Device',
    `<h1>${escapeHtml(pending.application.name)}</h1><section class="card"><p>Open <a href="${escapeHtml(address)}" target="_blank" rel="noopener">${escapeHtml(address)}</a> and enter</p>
<p class="code">${escapeHtml(pending.userCode)}</p><p class="soft" aria-live="polite">Waiting for your approval; this page reloads every few seconds.</p>
<a class="button" href="/devices/${id}">Check now</a> <form method="post" action="/devices/${id}/stop"><button class="plain">Stop waiting</button></form></section>`,
    3,
  )
}

/** The page after the user has pressed Deny. */
export function refusedPage(application: DemoApplication): string {
  return page(
    'Not allowed',
    `<h1>You did not allow it</h1><section class="card"><p>${escapeHtml(application.name)} received <code>access_denied</code> and has no access to your account. Nothing else happened.</p><a class="button" href="/">Back</a></section>`,
  )
}

/** An error page. */
export function errorPage(message: string): string {
  return page(
    'Error',
    `<h1>That did not work</h1><section class="card error"><p>${escapeHtml(message)}</p><a class="button" href="/">Back</a></section>`,
  )
}
