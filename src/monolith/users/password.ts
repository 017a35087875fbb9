import { argon2, randomBytes, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

const derive = promisify(argon2)
/** OWASP's argon2id setting: 19 MiB, two passes, one lane; about 40 ms of one core, off the event loop. */
export const PASSWORD_COST = { memory: 19_456, passes: 2, parallelism: 1 } as const
/** For tests that sign in many hundreds of times. */
export const TEST_COST: PasswordCost = { memory: 8, passes: 1, parallelism: 1 }
const TAG_BYTES = 32

/** Memory in KiB, and passes, that one hash takes. */
export interface PasswordCost {
  readonly memory: number
  readonly passes: number
  readonly parallelism: number
}

/** Hashes a password with argon2id and a random salt, in the PHC string form, so that the cost can change later. */
export async function hashPassword(password: string, cost: PasswordCost = PASSWORD_COST): Promise<string> {
  const salt = randomBytes(16)
  const tag = await derive('argon2id', { message: password, nonce: salt, tagLength: TAG_BYTES, ...cost })
  return `$argon2id$v=19$m=${cost.memory},t=${cost.passes},p=${cost.parallelism}$${plain(salt)}$${plain(tag)}`
}

const SHAPE = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/

/** Whether a password matches a hash of {@link hashPassword}. Takes the same time either way. */
export async function verifyPassword(password: string, hash: string): Promise<boolean> {
  const [, memory, passes, parallelism, salt = '', tag = ''] = SHAPE.exec(hash) ?? []
  const wanted = Buffer.from(tag, 'base64')
  if (wanted.length === 0) return false
  const given = await derive('argon2id', {
    message: password,
    nonce: Buffer.from(salt, 'base64'),
    tagLength: wanted.length,
    memory: Number(memory),
    passes: Number(passes),
    parallelism: Number(parallelism),
  })
  return timingSafeEqual(given, wanted)
}

function plain(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '')
}
