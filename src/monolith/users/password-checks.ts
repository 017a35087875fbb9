import { type ResourceOwner, TooManyGuessesError } from '../../authorization-server/index.ts'
import type { SignInAttempt, SignInThrottle } from './sign-in-throttle.ts'

/** The queue of password checks is full, so another one would wait too long. Nothing was counted. */
export class PasswordChecksBusyError extends Error {
  readonly code = 'password_checks_busy'
  constructor() {
    super('too many passwords are being checked')
    this.name = 'PasswordChecksBusyError'
  }
}

/** Checks the password of an attempt; undefined when it is wrong. */
export type PasswordCheck = (attempt: SignInAttempt, password: string) => Promise<ResourceOwner | undefined>

/** Hashing runs on the small thread pool that signing, files and name look-ups need too. */
const AT_ONCE = 2
const MOST_WAITING = 64
/** Slots for users at places where they have signed in before, when strangers fill the queue. */
const RESERVED = 16
const MAX_NAME = 255
const MAX_PASSWORD = 1_024

/**
 * Bounds the cost of checking passwords: two at once, 64 waiting, {@link PasswordChecksBusyError} beyond that, and
 * {@link TooManyGuessesError} for guesses. The throttle is consulted again when a check's turn comes, so that
 * concurrent guesses are limited like consecutive ones. Names over 255 characters and passwords over 1,024 never match
 * and cost nothing.
 */
export function boundedPasswordCheck(
  check: (username: string, password: string) => Promise<ResourceOwner | undefined>,
  throttle: SignInThrottle,
): PasswordCheck {
  const waiting: Array<() => void> = []
  let running = 0
  const turn = async (attempt: SignInAttempt) => {
    if (running < AT_ONCE) {
      running++
      return
    }
    const most = MOST_WAITING + (throttle.isKnown(attempt) ? RESERVED : 0)
    if (waiting.length >= most) throw new PasswordChecksBusyError()
    await new Promise<void>((resolve) => waiting.push(resolve))
  }
  const done = () => {
    const next = waiting.shift()
    if (next) next()
    else running--
  }
  const admit = (attempt: SignInAttempt) => {
    const waitMs = throttle.wait(attempt)
    if (waitMs > 0) throw new TooManyGuessesError(waitMs)
  }
  return async (attempt, password) => {
    if (attempt.username.length > MAX_NAME || password.length > MAX_PASSWORD) return undefined
    admit(attempt)
    await turn(attempt)
    try {
      admit(attempt)
      const owner = await check(attempt.username, password)
      if (owner) throttle.succeeded(attempt)
      else throttle.failed(attempt, password)
      return owner
    } finally {
      done()
    }
  }
}
