import {
  AUTH_TOKEN_HEADER,
  INTERNAL_PATHS,
  type SigningKeysDocument,
  signingKeysSchema,
} from '../../../handoff/index.ts'
import { RefusedError } from '../../client/control-client.ts'
import { type CalledPart, type PartClient, partClient } from '../../client/part-client.ts'
import { type CommandLine, type OptionSpec, readCommandLine, UsageFault } from '../../command-line.ts'
import type { CommandIo } from '../../io.ts'

const HELP = `Usage: handover keys list
       handover keys rotate
       handover keys retire KID [--now]

Manages the keys with which IAM signs ID tokens and JWT access tokens. A key is first published (next), then signs
(current), and remains published until everything it signed has expired (retired). IAM rotates keys automatically; see
--signing-key-days of 'handover iam'.

list    List the keys.
rotate  Make the next key sign: immediately if it has been published for the lead time (--signing-key-lead-hours),
        otherwise once it has. All tokens stay verifiable and no client notices. Running it twice rotates once.
retire  Remove a key that has never signed. A key that signs, or has signed, is removed only with --now.

  --now
      For a stolen key. It leaves the key set and the next key signs, both immediately. What breaks:
      - Tokens signed with the stolen key are rejected wherever the keys are fetched again. ID tokens: users who are
        signing in right now must sign in again. JWT access tokens: clients need new ones; IAM itself still accepts
        the old ones, because it looks them up in its store.
      - Clients that have cached the key continue to trust it, and forged tokens, until their cache expires. Only they
        can shorten that: notify them.
      - Other IAM processes sign with it for up to a minute, or up to five while the database is unreachable; the
        gateway publishes it for up to a minute. Restart them to end that sooner.
      - If no next key has been published for the lead time, clients that do not refetch the key set for an unknown
        key reject all new tokens until their cache expires. 'list' shows when the next key was published.
      If the database and the sealing key were stolen, the next key is stolen too: retire it first, without --now.
  --iam-url URL
      The internal port of IAM. Default: the address that 'handover up' recorded next to the token file, or else
      http://127.0.0.1:8085. [HANDOVER_IAM_INTERNAL_URL]
  --token-file FILE
      The token for it. Default: ./data/iam-internal-token. [HANDOVER_IAM_INTERNAL_TOKEN_FILE]
  --json
      Print the response of IAM as JSON.
`

const OPTIONS: Readonly<Record<string, OptionSpec>> = {
  '--now': { takes: 'nothing' },
  '--iam-url': { takes: 'value' },
  '--token-file': { takes: 'value' },
  '--json': { takes: 'nothing' },
  '--help': { takes: 'nothing' },
  '-h': { takes: 'nothing' },
}
const IAM: CalledPart = {
  ...{ name: 'IAM', part: 'iam_internal', tokenHeader: AUTH_TOKEN_HEADER },
  ...{ urlOption: '--iam-url', urlVariable: 'HANDOVER_IAM_INTERNAL_URL', defaultUrl: 'http://127.0.0.1:8085' },
  ...{ tokenVariable: 'HANDOVER_IAM_INTERNAL_TOKEN_FILE', defaultTokenFile: './data/iam-internal-token' },
}

/** `handover keys`: IAM's signing keys. Resolves with 0 (success), 1 (refused or no response) or 2 (invalid usage). */
export async function run(args: readonly string[], io: CommandIo): Promise<number> {
  try {
    const line = readCommandLine(args, OPTIONS)
    if (line.switches.has('--help') || line.switches.has('-h')) {
      io.stdout.write(HELP)
      return 0
    }
    const asked = requestOf(line)
    const document = await ask(partClient(IAM, line, io), asked)
    io.stdout.write(line.switches.has('--json') ? `${JSON.stringify(document)}\n` : `${table(document)}\n`)
    return 0
  } catch (error) {
    if (!(error instanceof UsageFault) && !(error instanceof RefusedError)) throw error
    io.stderr.write(`handover keys: ${error.message}\n`)
    return error instanceof RefusedError ? 1 : 2
  }
}

interface Asked {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly json?: unknown
}

function requestOf(line: CommandLine): Asked {
  const [action, kid, ...more] = line.words
  const now = line.switches.has('--now')
  if (action === 'retire' && kid !== undefined && more.length === 0) {
    return { method: 'POST', path: INTERNAL_PATHS.keysRetire, json: { kid, now } }
  }
  if (action === 'retire') throw new UsageFault('specify one key to retire, by its kid')
  if ((action !== 'list' && action !== 'rotate') || kid !== undefined)
    throw new UsageFault('specify list, rotate or retire KID')
  if (now) throw new UsageFault('--now is only valid with retire')
  return action === 'list'
    ? { method: 'GET', path: INTERNAL_PATHS.keys }
    : { method: 'POST', path: INTERNAL_PATHS.keysRotate, json: {} }
}

async function ask(iam: PartClient, { method, path, json }: Asked): Promise<SigningKeysDocument> {
  const answer = await iam(method, path, json)
  if (answer.status === 404) throw new RefusedError("IAM has no such key; 'handover keys list' shows its keys")
  if (answer.status !== 200) throw new RefusedError(reasonOf(answer.status, answer.json))
  return signingKeysSchema.parse(answer.json)
}

function reasonOf(status: number, json: unknown): string {
  const said = (json as { error_description?: unknown } | null)?.error_description
  return typeof said === 'string' ? said : `IAM answered ${status}`
}

function table({ keys }: SigningKeysDocument): string {
  const rows = keys.map((key) => [
    key.state,
    key.alg,
    key.kid,
    `published ${short(key.published_at)}`,
    `signs ${key.signs_from === null ? 'after the current key' : `from ${short(key.signs_from)}`}`,
    key.signs_until === null ? '' : `until ${short(key.signs_until)}`,
    key.published_until === null ? '' : `published until ${short(key.published_until)}`,
  ])
  return rows.map((row) => row.filter((cell) => cell !== '').join('  ')).join('\n')
}

function short(time: string): string {
  return `${time.slice(0, 16)}Z`
}
