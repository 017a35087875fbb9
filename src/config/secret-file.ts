import { randomBytes } from 'node:crypto'
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { ConfigError } from './config-error.ts'

/** Reads a secret from a file, without the trailing newline. Throws {@link ConfigError} naming the option and file. */
export function readSecretFile(option: string, path: string): string {
  let text: string
  try {
    text = readFileSync(path, 'utf8').trim()
  } catch (error) {
    throw new ConfigError([`${option}: ${path} cannot be read (${(error as NodeJS.ErrnoException).code})`])
  }
  if (text === '') throw new ConfigError([`${option}: ${path} is empty`])
  return text
}

/** Reads a key of 32 bytes in base64 from a file. */
export function readKeyFile(option: string, path: string): Buffer {
  const key = Buffer.from(readSecretFile(option, path), 'base64')
  if (key.length !== 32) throw new ConfigError([`${option}: ${path} must contain exactly 32 bytes in base64`])
  return key
}

/**
 * Creates a file (mode 0600) with 32 random bytes in base64 if it does not exist; concurrent processes agree on one
 * content. Throws {@link ConfigError} if it cannot be created.
 */
export function ensureSecretFile(option: string, path: string): void {
  // An existing secret is often in a read-only directory.
  if (existsSync(path)) return
  const mine = `${path}.${process.pid}`
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    writeFileSync(mine, `${randomBytes(32).toString('base64')}\n`, { mode: 0o600 })
    linkSync(mine, path)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code !== 'EEXIST') throw new ConfigError([`${option}: ${path} cannot be written (${code})`])
  } finally {
    rmSync(mine, { force: true })
  }
}
