import type { DemoApplication } from './application.ts'
import { type DemoTokens, issuerOf, masked, type PendingDevice } from './flows.ts'

const STYLE = `
:root{color-scheme:light dark;--line:#d8dbe2;--soft:#6b7280;--accent:#5b3fd6;--card:#fff;--page:#f5f5f8;--text:#1c1d22}
@media (prefers-color-scheme:dark){:root{--line:#3a3d46;--soft:#a0a5b1;--accent:#a995ff;--card:#22242b;--page:#17181d;--text:#eceef3}}
*{box-sizing:border-box}body{margin:0;background:var(--page);color:var(--text);font:16px/1.5 system-ui,sans-serif}
main{max-width:46rem;margin:0 auto;padding:2.5rem 1.25rem}h1{font-size:1.6rem;margin:0 0 .25rem}h2{font-size:1.1rem;margin:0 0 .5rem}
p{margin:.25rem 0 1rem}.soft{color:var(--soft)}.card{background:var(--card);border:1px solid var(--line);border-radius:.75rem;padding:1.25rem;margin:1rem 0}
form{display:inline}button,.button{font:inherit;border:1px solid var(--accent);background:var(--accent);color:var(--card);border-radius:.5rem;padding:.45rem .9rem;margin:.25rem .35rem .25rem 0;cursor:pointer;text-decoration:none;display:inline-block}
button.plain{background:transparent;color:var(--accent)}button:focus-visible,a:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.4rem .5rem;border-top:1px solid var(--line);vertical-align:top;overflow-wrap:anywhere}th{width:9rem;font-weight:600}
.side{display:inline-block;white-space:nowrap;margin-left:.5rem;border-radius:1rem;padding:.05rem .65rem;font-size:.85rem;font-weight:600;border:1px solid currentColor}.side.IAM{color:#0d7a4f}.side.monolith{color:#b4531a}
@media (prefers-color-scheme:dark){.side.IAM{color:#5fd3a0}.side.monolith{color:#f2a670}}
code{overflow-wrap:anywhere}
pre{background:var(--page);border-radius:.5rem;padding:.9rem;overflow:auto;white-space:pre-wrap;overflow-wrap:anywhere}.code{font:600 2rem/1.2 ui-monospace,monospace;letter-spacing:.15em}
.error{border-color:#c0392b}`

/** HTML-escapes text for elements and quoted attributes. */
function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}

function page(title: string, content: string, refreshSeconds?: number): string {
  const refresh = refreshSeconds === undefined ? '' : `<meta http-equiv="refresh" content="${refreshSeconds}">`
  return `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">${refresh}
<title>${escaped(title)} · Handover demo</title><style>${STYLE}</style></head><body><main>
${content}
</main></body></html>
`
}

/** The first page: an application to sign in with. */
export function homePage(applications: readonly DemoApplication[]): string {
  const cards = applications.map(
    (
      application,
    ) => `<section class="card"><h2>${escaped(application.name)} <span class="soft">#${application.id}</span></h2>
<p class="soft">${escaped(application.about)}<br>client_id <code>${escaped(application.clientId)}</code></p>
<form method="post" action="/sign-in/${application.key}"><button>${
      application.grant === 'device_code' ? 'Start the device flow' : 'Sign in'
    }</button></form></section>`,
  )
  return page(
    'Sign in',
    `<h1>Demo client</h1><p class="soft">An OAuth client that knows one authorization server and cannot tell that there are two. Sign in, then look which side issued what.</p>${cards.join('\n')}`,
  )
}

/** What a signed-in visitor sees: the tokens, masked, with the side that issued them, and what can be done. */
export function accountPage(
  application: DemoApplication,
  tokens: DemoTokens,
  shown?: { action: string; value: unknown },
): string {
  const rows: Array<[string, string | undefined]> = [
    ['Access token', tokens.accessToken],
    ['Refresh token', tokens.refreshToken],
  ]
  const body = rows.map(([name, token]) => {
    if (token === undefined) return `<tr><th scope="row">${name}</th><td class="soft">none</td></tr>`
    const side = issuerOf(token)
    return `<tr><th scope="row">${name}</th><td><code>${escaped(masked(token))}</code> <span class="side ${side}">${side}</span></td></tr>`
  })
  const actions = [
    ['userinfo', 'Call userinfo'],
    ['api', 'Call the API'],
    ['refresh', 'Refresh'],
    ['introspect', 'Introspect'],
    ['revoke', 'Revoke'],
  ].map(
    ([action, label]) => `<form method="post" action="/act/${action}"><button class="plain">${label}</button></form>`,
  )
  const result = shown
    ? `<section class="card" aria-live="polite"><h2>${escaped(shown.action)}</h2><pre>${escaped(
        typeof shown.value === 'string' ? shown.value : JSON.stringify(shown.value, null, 2),
      )}</pre></section>`
    : ''
  return page(
    'Signed in',
    `<h1>Signed in</h1><p class="soft">as user ${escaped(tokens.subject ?? '?')} with ${escaped(application.name)} (application ${application.id})</p>
<section class="card"><h2>Tokens</h2><table><tbody>${body.join('')}
<tr><th scope="row">Scope</th><td>${escaped(tokens.scope ?? '')}</td></tr>
<tr><th scope="row">Lifetime</th><td>${tokens.expiresIn ?? '?'} s</td></tr></tbody></table></section>
<section class="card"><h2>Try</h2>${actions.join('')}<form method="post" action="/forget"><button class="plain">Start again</button></form></section>${result}`,
  )
}

/** The page a device would show while it waits. */
export function devicePage(pending: PendingDevice): string {
  const address = pending.verificationUri
  return page(
    'Device',
    `<h1>${escaped(pending.application.name)}</h1><section class="card"><p>Open <a href="${escaped(address)}" target="_blank" rel="noopener">${escaped(address)}</a> and enter</p>
<p class="code">${escaped(pending.userCode)}</p><p class="soft" aria-live="polite">Waiting for you; this page looks every few seconds.</p>
<a class="button" href="/device">Check now</a> <form method="post" action="/forget"><button class="plain">Start again</button></form></section>`,
    3,
  )
}

/** An error, as the client library words it. */
export function errorPage(status: number, message: string): string {
  return page(
    'Error',
    `<h1>That did not work</h1><section class="card error"><p>${escaped(message)}</p><a class="button" href="/">Back</a></section><p class="soft">Status ${status}</p>`,
  )
}
