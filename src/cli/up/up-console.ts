import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { readSecretFile } from '../../config/index.ts'
import { call } from '../../http/index.ts'
import type { UpPlan } from './up-plan.ts'

/** A checkout builds its console with this script; the package holds a built one. */
const BUILD_SCRIPT = join(fileURLToPath(new URL('../../../', import.meta.url)), 'scripts', 'build-console.ts')
/** The script itself stops a build before that; this is for whatever else hangs, such as the file system. */
const BUILD_LIMIT_MS = 120_000
const LINK_LIMIT_MS = 10_000

const linkSchema = z.object({ url: z.string(), expires_in: z.int() })

/**
 * Builds the console of a checkout if it is missing or older than its sources. Resolves when that is done, and at the
 * latest after `limitMs`. A failure stops nothing else: the script says what failed, and `tell` that there is no console.
 */
export function prepareConsole(
  tell: (text: string) => void,
  script = BUILD_SCRIPT,
  limitMs = BUILD_LIMIT_MS,
): Promise<void> {
  if (!existsSync(script)) return Promise.resolve()
  return new Promise((resolve) => {
    const limit = { timeout: limitMs, killSignal: 'SIGKILL' } as const
    const child = spawn(process.execPath, [script], { stdio: ['ignore', 2, 2], ...limit })
    child.once('error', () => resolve())
    child.once('exit', (code) => {
      const end = child.killed ? `did not end within ${limitMs / 1_000} s` : 'failed'
      if (code !== 0) tell(`the build of the console ${end}; starting without a current console`)
      resolve()
    })
  })
}

/** A link that signs a browser in to the console once, as the administrator, and how many seconds it is valid. */
export async function signInLink(plan: UpPlan): Promise<{ readonly url: string; readonly seconds: number }> {
  const { host, port } = plan.control
  const token = readSecretFile('--data-dir', join(plan.dataDir, 'admin-token'))
  const { json } = await call({
    method: 'POST',
    url: `http://${host}:${port}/api/v1/sign-in-links`,
    headers: { authorization: `Bearer ${token}` },
    timeoutMs: LINK_LIMIT_MS,
  })
  const { url, expires_in: seconds } = linkSchema.parse(json)
  return { url, seconds }
}
