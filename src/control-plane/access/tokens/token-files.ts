import { randomBytes } from 'node:crypto'
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Log } from '../../../observability/index.ts'
import type { ControlPlaneSettings } from '../../settings.ts'
import { ControlPlaneFault } from '../../state/control-plane-fault.ts'
import { generateToken, LONGEST_TOKEN, type TokenHolder } from './token-store.ts'
import { addFirstToken, addToken, retireTokens, type TokenDesk } from './token-writes.ts'

const SECRET_BYTES = 32
const SHORTEST_TOKEN = 16
/** What a header can carry. */
const TOKEN = new RegExp(`^[\\x21-\\x7e]{${SHORTEST_TOKEN},${LONGEST_TOKEN}}$`)

/**
 * Makes the tokens of the settings valid and writes the files that are absent; revokes tokens of the same role and name
 * that are no longer in the settings; records both in the audit log. The administrator's token is written only while
 * none exists. Throws {@link ControlPlaneFault} if a file cannot be read or written.
 */
export async function establishTokens(settings: ControlPlaneSettings, desk: TokenDesk, log: Log): Promise<void> {
  const held: HeldToken[] = (settings.tokens ?? []).map((token) => {
    const { role, name } = token
    const what = `token of ${name}`
    const value = 'value' in token ? token.value : readOrWrite(what, token.file, () => generateToken(role))
    return { what, value, holder: { role, name } }
  })
  const faults = held.flatMap(({ what, value }) => faultOf(what, value) ?? [])
  if (faults.length > 0) throw new ControlPlaneFault(faults)
  const file = settings.adminTokenFile
  if (file !== undefined) {
    const what = 'administrator token'
    const holder = { role: 'administrator', name: 'administrator' } as const
    const value = await addFirstToken(desk, holder, (isKnown) => {
      const text = isKnown ? readIfThere(what, file) : readOrWrite(what, file, () => generateToken('administrator'))
      const fault = text === undefined ? undefined : faultOf(what, text)
      if (fault !== undefined) throw new ControlPlaneFault([fault])
      return text
    })
    if (value !== undefined) held.push({ what, value, holder })
    else {
      log.warn(
        { file },
        'the file of the administrator token is missing; its token remains valid but cannot be shown again',
      )
    }
  }
  for (const { value, holder } of held) await addToken(desk, value, holder)
  // Only after all are added, so that there is always a valid token.
  for (const { holder } of held) {
    const same = held.filter((one) => one.holder.role === holder.role && one.holder.name === holder.name)
    const kept = same.map(({ value }) => value)
    const retired = await retireTokens(desk, holder, kept)
    if (retired > 0) log.info({ ...holder, retired }, 'tokens that are no longer in the token files were revoked')
  }
}

/** Says what is wrong with a token, without quoting it. */
function faultOf(what: string, token: string): string | undefined {
  if (TOKEN.test(token)) return undefined
  return `${what}: must have ${SHORTEST_TOKEN} to ${LONGEST_TOKEN} characters, all of them visible ASCII`
}

interface HeldToken {
  readonly what: string
  readonly value: string
  readonly holder: TokenHolder
}

/**
 * Reads the routing endpoint's secret and creates it if it is absent. Throws {@link ControlPlaneFault} if it is not 32
 * bytes long.
 */
export function establishRoutingSecret(file: string): Uint8Array {
  const text = readOrWrite('routing secret', file, () => randomBytes(SECRET_BYTES).toString('base64'))
  const secret = /^[A-Za-z0-9+/]{43}=$/.test(text) ? Buffer.from(text, 'base64') : Buffer.alloc(0)
  if (secret.length !== SECRET_BYTES) {
    throw new ControlPlaneFault([`routing secret: ${file} must contain exactly 32 bytes in base64`])
  }
  return secret
}

function readOrWrite(what: string, file: string, make: () => string): string {
  const text = readIfThere(what, file)
  if (text !== undefined) return text
  const mine = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    writeFileSync(mine, `${make()}\n`, { mode: 0o600, flag: 'wx' })
    // Unlike a rename, a link does not replace a file that another process has written in the meantime.
    linkSync(mine, file)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code !== 'EEXIST')
      throw new ControlPlaneFault([`${what}: ${file} cannot be written (${code})`], { cause: error })
  } finally {
    rmSync(mine, { force: true })
  }
  return readIfThere(what, file) ?? ''
}

function readIfThere(what: string, file: string): string | undefined {
  let text: string
  try {
    text = readFileSync(file, 'utf8').trim()
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT') return undefined
    throw new ControlPlaneFault([`${what}: ${file} cannot be read (${code})`], { cause: error })
  }
  if (text === '' || /\s/.test(text)) throw new ControlPlaneFault([`${what}: ${file} must contain a single word`])
  return text
}
