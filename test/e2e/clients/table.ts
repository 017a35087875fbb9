import { LIBRARIES } from './libraries.ts'
import { type Side, WALKS } from './walks.ts'

/** Something that a client was seen to do on a side. */
export interface Walked {
  readonly library: string
  readonly authentication: string
  readonly capability: string
  readonly side: Side
}

export const CODE_ACROSS = 'code across a flip'
export const REFRESH_ACROSS = 'refresh across a flip'

/** docs/clients.md, of what was walked: a cell says on which sides the library did it. */
export function describeClients(walked: readonly Walked[]): string {
  const capabilities = [...WALKS.map(({ capability }) => capability), CODE_ACROSS, REFRESH_ACROSS]
  const names = LIBRARIES.map(({ name }) => name)
  const cell = (library: string, capability: string): string => {
    const done = walked.filter((one) => one.library === library && one.capability === capability)
    const sides = (['legacy', 'iam'] as const).filter((side) => done.some((one) => one.side === side))
    return sides.length === 2 ? 'both' : sides.length === 1 ? `${sides[0]} only` : '–'
  }
  const authentications = LIBRARIES.map(({ authentications }) => authentications.join(' '))
  const rows = [
    ['', ...names],
    names.map(() => '---').concat('---'),
    ['authenticated by', ...authentications.map((text) => text.replaceAll('client_secret_', '').replaceAll(' ', ', '))],
    ...capabilities.map((capability) => [capability, ...names.map((name) => cell(name, capability))]),
  ]
  return `# Clients

What clients that nobody here wrote do through the gateway, on the legacy side, on IAM, and across a flip of the flag in
the middle. \`test/e2e/real-clients.test.ts\` walks every cell and holds this page to it; a dash is what the library cannot do.
How to configure them, and what to know: [connect a client](how-to/connect-a-client.md).

${rows.map((row) => `| ${row.join(' | ')} |`).join('\n')}

*A forged code* must be shown as \`invalid_grant\`, *consent refused* as \`access_denied\`, wherever the library shows errors; public
applications (\`none\`) are refused *client credentials* with \`invalid_client\`. *Across a flip*: what one side issued before the flag
changed is redeemed or refreshed by that side after, both ways. Each *device* polls before its user approves and is told to wait
(\`authorization_pending\`); openid-client needs [a few lines](how-to/connect-a-client.md#errors-that-come-with-a-challenge) for that.
`
}
