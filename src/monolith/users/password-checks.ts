import type { ResourceOwner } from '../../authorization-server/index.ts'
import type { SignInThrottle } from './sign-in-throttle.ts'

/** So many passwords are being checked that another one would have to wait too long. Nothing was counted. */
export class PasswordChecksBusyError extends Error {
  readonly code = 'password_checks_busy'
  constructor() {
    super('too many passwords are being checked')
    this.name = 'PasswordChecksBusyError'
  }
}

/** Checks a user name and password; undefined when they do not fit, or the name rests. */
export type PasswordCheck = (username: string, password: string) => Promise<ResourceOwner | undefined>

/** Hashing runs on the few threads that signing, files and name look-ups need too. */
const AT_ONCE = 2
const MOST_WAITING = 64
const MAX_NAME = 255
const MAX_PASSWORD = 1_024

/**
 * Bounds what checking passwords may cost: two at once, 64 waiting, {@link PasswordChecksBusyError} beyond. The throttle
 * is asked again when a check's turn comes, so that guesses sent all at once are held back like guesses in a row. Names
 * over 255 characters and passwords over 1,024 fit nobody and cost nothing.
 */
export function boundedPasswordCheck(check: PasswordCheck, throttle: SignInThrottle): PasswordCheck {
  const waiting: Array<() => void> = []
  let running = 0
  const turn = async () => {
    if (running < AT_ONCE) {
      running++
      return
    }
    if (waiting.length >= MOST_WAITING) throw new PasswordChecksBusyError()
    await new Promise<void>((resolve) => waiting.push(resolve))
  }
  const done = () => {
    const next = waiting.shift()
    if (next) next()
    else running--
  }
  return async (username, password) => {
    if (username.length > MAX_NAME || password.length > MAX_PASSWORD || !throttle.allows(username)) return undefined
    await turn()
    try {
      if (!throttle.allows(username)) return undefined
      const owner = await check(username, password)
      if (owner) throttle.succeeded(username)
      else throttle.failed(username)
      return owner
    } finally {
      done()
    }
  }
}
