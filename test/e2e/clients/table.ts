import { LIBRARIES } from './libraries.ts'
import { type Side, WALKS } from './walks.ts'

/** Something that a client was observed to do on a side. */
export interface Walked {
  readonly library: string
  readonly authentication: string
  readonly capability: string
  readonly side: Side
}

export const CODE_ACROSS = 'code across a flip'
export const REFRESH_ACROSS = 'refresh across a flip'

/** Generates docs/clients.md from the observations: a cell lists the sides on which the library did it. */
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

Third-party clients run through the gateway on the legacy side, on IAM, and across a change of the flag in the middle of a
flow. \`test/e2e/real-clients.test.ts\` runs every cell and compares this page with the results; a dash is what the library cannot do.
[Connect a client](how-to/connect-a-client.md) explains how to configure them and what to know.

${rows.map((row) => `| ${row.join(' | ')} |`).join('\n')}

*A forged code* must be reported as \`invalid_grant\`, and *consent refused* as \`access_denied\`, wherever the library reports errors; public
applications (\`none\`) get \`invalid_client\` for *client credentials*. *Across a flip*: what one side issued before the flag
changed is redeemed or refreshed by that side afterwards, in both directions. Each *device* polls once before its user approves, and gets
\`authorization_pending\`; openid-client needs [a few lines](how-to/connect-a-client.md#errors-that-come-with-a-challenge) for that.
`
}
