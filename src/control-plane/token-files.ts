import { randomBytes } from 'node:crypto'
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Log } from '../observability/index.ts'
import { ControlPlaneFault, type ControlPlaneSettings } from './settings.ts'
import { mintToken, type TokenBook } from './tokens.ts'

const SECRET_BYTES = 32
const SHORTEST_TOKEN = 16

/**
 * Makes the tokens of the settings valid, writing the files that are absent. The administrator's token is written only
 * while there is none. Throws {@link ControlPlaneFault} when a file cannot be read or written.
 */
export async function establishTokens(settings: ControlPlaneSettings, tokens: TokenBook, log: Log): Promise<void> {
  for (const token of settings.tokens ?? []) {
    const { role, name } = token
    const value = 'value' in token ? token.value : readOrWrite(`token of ${name}`, token.file, () => mintToken(role))
    if (value.length < SHORTEST_TOKEN) {
      throw new ControlPlaneFault([`token of ${name}: must have at least ${SHORTEST_TOKEN} characters`])
    }
    await tokens.add(value, { role, name })
  }
  const file = settings.adminTokenFile
  if (file === undefined) return
  if (!(await tokens.hasRole('administrator'))) {
    const value = readOrWrite('administrator token', file, () => mintToken('administrator'))
    await tokens.add(value, { role: 'administrator', name: 'administrator' })
  } else if (readIfThere('administrator token', file) === undefined) {
    log.warn({ file }, 'the file of the administrator token is gone; its token stays valid and cannot be shown again')
  }
}

/** Reads the routing endpoint's secret, made when absent. Throws {@link ControlPlaneFault} for one that is not 32 bytes. */
export function establishRoutingSecret(file: string): Uint8Array {
  const text = readOrWrite('routing secret', file, () => randomBytes(SECRET_BYTES).toString('base64'))
  const secret = /^[A-Za-z0-9+/]{43}=$/.test(text) ? Buffer.from(text, 'base64') : Buffer.alloc(0)
  if (secret.length !== SECRET_BYTES) {
    throw new ControlPlaneFault([`routing secret: ${file} must hold exactly 32 bytes in base64`])
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
    // A link, unlike a rename, does not replace what another process has written meanwhile.
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
  if (text === '' || /\s/.test(text)) throw new ControlPlaneFault([`${what}: ${file} holds no single word`])
  return text
}
