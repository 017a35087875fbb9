import { CallError, call } from '../../http/index.ts'
import type { TestControls } from '../gateway-context.ts'

/** The paths of test controls. */
export const TEST_CONTROL_PREFIX = '/__lab/'

/** Forwards a test control to every side; the result is 204 if all succeeded, otherwise 502 with the status of each. */
export function testControls(sides: ReadonlyArray<readonly [name: string, origin: string]>): TestControls {
  return async (target) => {
    const said = await Promise.all(sides.map(([, origin]) => ask(origin, target)))
    if (said.every((status) => status >= 200 && status < 300)) return { status: 204, body: '' }
    const lines = sides.map(([name], index) => `${name}: ${said[index] || 'no answer'}\n`)
    return { status: 502, body: lines.join('') }
  }
}

/** The status of a side's response; 0 if there was none. */
async function ask(origin: string, target: string): Promise<number> {
  try {
    return (await call({ method: 'POST', url: origin + target, timeoutMs: 30_000 })).status
  } catch (error) {
    if (error instanceof CallError) return 0
    throw error
  }
}
