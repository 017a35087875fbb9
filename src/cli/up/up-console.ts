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
const LINK_LIMIT_MS = 10_000

const linkSchema = z.object({ url: z.string(), expires_in: z.int() })

/**
 * Builds the console of a checkout if it is missing or older than its sources. Resolves when that is done; a failure is
 * printed by the script and stops nothing else.
 */
export function prepareConsole(): Promise<void> {
  if (!existsSync(BUILD_SCRIPT)) return Promise.resolve()
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [BUILD_SCRIPT], { stdio: ['ignore', 2, 2] })
    child.once('error', () => resolve())
    child.once('exit', () => resolve())
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
