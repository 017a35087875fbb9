import { execFile } from 'node:child_process'

/** HAProxy cannot be used as it is: the message names what is wrong and what is needed. */
export class HaproxyError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'HaproxyError'
  }
}

/** The oldest version with every statement that the configuration uses. */
const OLDEST = [2, 6] as const
const ASK_MS = 10_000

/**
 * Checks that a program is a HAProxy of version 2.6 or newer with PCRE and OpenSSL, and resolves with its version.
 * Rejects with {@link HaproxyError} otherwise.
 */
export async function checkProgram(program: string): Promise<string> {
  const said = await ask(program)
  const version = /^HAProxy version (\d+)\.(\d+)\S*/im.exec(said)
  if (version === null) throw new HaproxyError(`${program} is not HAProxy: it does not say its version`)
  const [whole, major, minor] = version
  const [oldestMajor, oldestMinor] = OLDEST
  const isOld = Number(major) < oldestMajor || (Number(major) === oldestMajor && Number(minor) < oldestMinor)
  const given = whole.replace(/^HAProxy version /i, '')
  if (isOld) throw new HaproxyError(`${program} is HAProxy ${given}; the data plane needs 2.6 or newer`)
  for (const [feature, purpose] of [
    ['PCRE2?', 'regular expressions of PCRE'],
    ['OPENSSL', 'signatures'],
  ] as const) {
    if (!new RegExp(`(?:\\+${feature}\\b|USE_${feature}(?:_JIT)?=1)`).test(said)) {
      throw new HaproxyError(`${program} (HAProxy ${given}) is built without ${purpose}, which the data plane needs`)
    }
  }
  return given
}

function ask(program: string): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, ['-vv'], { timeout: ASK_MS, maxBuffer: 1 << 20 }, (error, stdout) => {
      if (error === null) return resolve(stdout)
      const { code } = error as NodeJS.ErrnoException
      const why =
        code === 'ENOENT'
          ? 'it is not installed, or not in the PATH'
          : `it cannot be started (${code ?? error.message})`
      reject(new HaproxyError(`the data plane needs HAProxy 2.6 or newer as ${program}: ${why}`, { cause: error }))
    })
  })
}
