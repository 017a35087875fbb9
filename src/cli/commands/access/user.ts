import { z } from 'zod'
import { withoutControls } from '../../../chatops/index.ts'
import { RefusedError } from '../../client/control-client.ts'
import { type CalledPart, type PartClient, partClient } from '../../client/part-client.ts'
import { type CommandLine, type OptionSpec, readCommandLine, UsageFault } from '../../command-line.ts'
import type { CommandIo } from '../../io.ts'
import { newPassword } from './password.ts'

const HELP = `Usage: handover user list
       handover user create --username NAME --email ADDRESS [--name TEXT] [--password-file FILE]
       handover user block USER
       handover user unblock USER
       handover user sign-out USER

Manages the users of the monolith that 'handover up' or 'handover monolith' runs. USER is a user name, or the id that
'list' shows. A platform of your own manages its own users.

list      List the users with their ids.
create    Add a user. Without --password-file, the command prompts for the password.
block     End all sessions and credentials of a user on both sides, and prevent new ones.
unblock   Let a blocked user sign in again.
sign-out  End all sessions and credentials of a user on both sides.

  --username NAME
      The name with which the user signs in.
  --email ADDRESS
      The e-mail address of the user.
  --name TEXT
      The full name of the user. Default: the user name.
  --password-file FILE
      The file whose first line is the password; - reads standard input.
  --monolith-url URL
      The monolith. Default: the address that 'handover up' recorded next to the token file, or else
      http://127.0.0.1:3000. [HANDOVER_MONOLITH_URL]
  --token-file FILE
      The token of its user administration. Default: ./data/monolith-admin-token. [HANDOVER_MONOLITH_ADMIN_TOKEN_FILE]
  --json
      Print the response of the monolith as JSON.
`

const CREATE_OPTIONS = {
  '--username': { takes: 'value' },
  '--email': { takes: 'value' },
  '--name': { takes: 'value' },
  '--password-file': { takes: 'value' },
} as const satisfies Readonly<Record<string, OptionSpec>>

const OPTIONS: Readonly<Record<string, OptionSpec>> = {
  ...CREATE_OPTIONS,
  '--monolith-url': { takes: 'value' },
  '--token-file': { takes: 'value' },
  '--json': { takes: 'nothing' },
  '--help': { takes: 'nothing' },
  '-h': { takes: 'nothing' },
}

const MONOLITH: CalledPart = {
  ...{ name: 'the monolith', part: 'monolith', tokenHeader: 'private-token' },
  ...{ urlOption: '--monolith-url', urlVariable: 'HANDOVER_MONOLITH_URL', defaultUrl: 'http://127.0.0.1:3000' },
  ...{ tokenVariable: 'HANDOVER_MONOLITH_ADMIN_TOKEN_FILE', defaultTokenFile: './data/monolith-admin-token' },
}

const PATH = '/api/v4/users'
const PAGE = 100
const ACTIONS: Readonly<Record<string, string>> = { block: 'block', unblock: 'unblock', 'sign-out': 'sign_out' }

const userSchema = z.object({
  id: z.int(),
  username: z.string(),
  name: z.string(),
  email: z.string(),
  state: z.string(),
})
type User = z.infer<typeof userSchema>

/** Calls the monolith; resolves with what to print as JSON and the users to list. */
type UserPlan = (monolith: PartClient, io: CommandIo) => Promise<{ readonly json: unknown; readonly users: User[] }>

/** `handover user`: the monolith's users. Resolves with 0 (success), 1 (refused or no response) or 2 (invalid usage). */
export async function run(args: readonly string[], io: CommandIo): Promise<number> {
  try {
    const line = readCommandLine(args, OPTIONS)
    if (line.switches.has('--help') || line.switches.has('-h')) {
      io.stdout.write(HELP)
      return 0
    }
    const plan = planOf(line)
    const { json, users } = await plan(partClient(MONOLITH, line, io), io)
    const text = line.switches.has('--json')
      ? `${JSON.stringify(json)}\n`
      : users.map((user) => `${withoutControls(describe(user))}\n`).join('')
    io.stdout.write(text)
    return 0
  } catch (error) {
    if (!(error instanceof UsageFault) && !(error instanceof RefusedError)) throw error
    io.stderr.write(`handover user: ${withoutControls(error.message)}\n`)
    return error instanceof RefusedError ? 1 : 2
  }
}

function planOf(line: CommandLine): UserPlan {
  const [action = '', subject, ...more] = line.words
  if (action === 'create') {
    if (subject !== undefined) throw new UsageFault('create takes only options')
    return creation(line)
  }
  const misplaced = Object.keys(CREATE_OPTIONS).find((option) => line.values.has(option))
  if (misplaced !== undefined) throw new UsageFault(`${misplaced} is only valid with create`)
  if (action === 'list' && subject === undefined) return list
  if (!Object.hasOwn(ACTIONS, action)) throw new UsageFault('specify list, create, block, unblock or sign-out')
  if (subject === undefined || more.length > 0) throw new UsageFault(`${action} needs one user, by name or id`)
  return async (monolith) => {
    const json = await ask(monolith, 'POST', `${PATH}/${await idOf(monolith, subject)}/${ACTIONS[action]}`)
    return { json, users: [userSchema.parse(json)] }
  }
}

function creation({ values }: CommandLine): UserPlan {
  const [username, email, name, file] = ['--username', '--email', '--name', '--password-file'].map(
    (option) => values.get(option)?.[0],
  )
  if (username === undefined || email === undefined) throw new UsageFault('create needs --username and --email')
  return async (monolith, io) => {
    const password = await newPassword(file, io)
    const json = await ask(monolith, 'POST', PATH, { username, email, name: name ?? username, password })
    return { json, users: [userSchema.parse(json)] }
  }
}

const list: UserPlan = async (monolith) => {
  const all: unknown[] = []
  for (let page = 1; ; page++) {
    const found = z.array(z.unknown()).parse(await ask(monolith, 'GET', `${PATH}?page=${page}&per_page=${PAGE}`))
    all.push(...found)
    if (found.length < PAGE) return { json: all, users: z.array(userSchema).parse(all) }
  }
}

/** The id of a user given by id or name. A name that consists of digits is looked up first. */
async function idOf(monolith: PartClient, subject: string): Promise<number | string> {
  const json = await ask(monolith, 'GET', `${PATH}?username=${encodeURIComponent(subject)}`)
  const [user] = z.array(userSchema).parse(json)
  if (user !== undefined) return user.id
  if (/^[1-9]\d{0,17}$/.test(subject)) return subject
  throw new RefusedError(`the monolith has no user ${JSON.stringify(subject)}; 'handover user list' shows its users`)
}

async function ask(monolith: PartClient, method: 'GET' | 'POST', path: string, json?: unknown): Promise<unknown> {
  const answer = await monolith(method, path, json)
  if (answer.status >= 200 && answer.status < 300) return answer.json
  const said = (answer.json as { message?: unknown } | null | undefined)?.message
  throw new RefusedError(
    typeof said === 'string'
      ? said.replace(/^404 User Not Found$/, 'no such user')
      : `the monolith answered ${answer.status}`,
  )
}

function describe({ id, username, name, email, state }: User): string {
  return `${id}  ${username}  ${name}  ${email}  ${state}`
}
