import { z } from 'zod'
import { CONTROL_HELP } from '../../client/control-client.ts'
import { type ControlPlan, runControlCommand } from '../../client/control-command.ts'
import { type CommandLine, UsageFault } from '../../command-line.ts'
import type { CommandIo } from '../../io.ts'

const HELP = `Usage: handover token create --role ROLE --name NAME [--environment NAME]... [--days N]
       handover token list
       handover token revoke ID

Creates, lists and revokes the tokens that authenticate people and programs to the control plane. A new token is printed
once and cannot be retrieved later.

  --role ROLE
      viewer (reads everything), operator (also changes flags and the brake), administrator (everything), gateway,
      replication.
  --name NAME
      The owner, who is recorded as the author of changes made with the token.
  --environment NAME
      Where an operator may make changes, or whose flags a gateway may follow; may be repeated. Default:
      everywhere.
  --days N
      How many days it is valid, 1 to 366. Default: 90.
${CONTROL_HELP}`

const OPTIONS = {
  '--role': { takes: 'value' },
  '--name': { takes: 'value' },
  '--environment': { takes: 'values' },
  '--days': { takes: 'value' },
} as const

const recordSchema = z.object({
  id: z.int(),
  role: z.string(),
  name: z.string(),
  environments: z.array(z.string()).nullable(),
  created_by: z.string().nullable(),
  expires_at: z.string().nullable(),
  last_used_at: z.string().nullable(),
})
const createdSchema = recordSchema.extend({ token: z.string() })
const listSchema = z.object({ tokens: z.array(recordSchema) })

/** `handover token`: creates, lists and revokes tokens. Exit codes as in `runControlCommand`. */
export function run(args: readonly string[], io: CommandIo): Promise<number> {
  return runControlCommand({ name: 'token', help: HELP, options: OPTIONS, plan }, args, io)
}

function plan(line: CommandLine): ControlPlan {
  const [action, ...words] = line.words
  if (action === 'create') return create(line, words)
  if (line.values.size > countOfControlValues(line)) throw new UsageFault('the options are only valid with create')
  if (action === 'list' && words.length === 0) return list
  if (action === 'revoke') return revoke(words)
  throw new UsageFault('specify one of create, list, revoke')
}

function countOfControlValues({ values }: CommandLine): number {
  return ['--control-url', '--token-file'].filter((name) => values.has(name)).length
}

function create({ values }: CommandLine, words: readonly string[]): ControlPlan {
  const role = values.get('--role')?.[0]
  const name = values.get('--name')?.[0]
  if (words.length > 0) throw new UsageFault('create takes only options')
  if (role === undefined || name === undefined) throw new UsageFault('create needs --role and --name')
  const days = values.get('--days')?.[0]
  if (days !== undefined && !/^[1-9]\d{0,2}$/.test(days)) throw new UsageFault('--days must be a number of days')
  const environments = values.get('--environment')
  const wish = { role, name, ...(environments && { environments }), ...(days && { days: Number(days) }) }
  return async (ask) => {
    const json = await ask('POST', '/api/v1/tokens', wish)
    return { json, lines: [createdSchema.parse(json).token] }
  }
}

const list: ControlPlan = async (ask) => {
  const json = await ask('GET', '/api/v1/tokens')
  return { json, lines: listSchema.parse(json).tokens.map(describe) }
}

function revoke([id, ...more]: readonly string[]): ControlPlan {
  if (id === undefined || more.length > 0 || !/^[1-9]\d{0,9}$/.test(id)) {
    throw new UsageFault("revoke needs the id of one token, which 'handover token list' shows")
  }
  return async (ask) => {
    await ask('DELETE', `/api/v1/tokens/${id}`)
    return { json: { revoked: Number(id) }, lines: [`token ${id} is revoked`] }
  }
}

function describe(token: z.infer<typeof recordSchema>): string {
  const where = /^(operator|gateway)$/.test(token.role)
    ? ` of ${token.environments?.join(', ') ?? 'every environment'}`
    : ''
  const from = token.created_by === null ? 'from the settings' : `by ${token.created_by}`
  const until = token.expires_at === null ? 'no expiry' : `until ${token.expires_at.slice(0, 16)}Z`
  const used = token.last_used_at === null ? 'never used' : `last used ${token.last_used_at.slice(0, 13)}h`
  return `${token.id}  ${token.name}: ${token.role}${where}; ${from}, ${until}, ${used}`
}
