import { execFileSync } from 'node:child_process'
import { Pool } from 'undici'

/** One kind of request, repeated. */
export interface LoadRequest {
  readonly method: 'GET' | 'POST'
  readonly path: string
  /** A form; only with POST. */
  readonly form?: string
  /** The number of connections; 32 if it is left out. */
  readonly connections?: number
}

const CONNECTIONS = 32

/** Whether nghttp2's load generator is installed; without it, requests come from this process. */
export const hasH2load = isInstalled('h2load')

/** Sends `count` requests over its connections to a loopback port. Throws if any response is not 2xx. */
export async function load(
  port: number,
  request: LoadRequest,
  count: number,
  formFile: string | undefined,
): Promise<void> {
  if (hasH2load && (request.method === 'GET' || formFile !== undefined))
    return loadWithH2load(port, request, count, formFile)
  const connections = request.connections ?? CONNECTIONS
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections, pipelining: 1 })
  let left = count
  const headers = request.form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }
  const worker = async () => {
    while (left-- > 0) {
      const answer = await pool.request({
        method: request.method,
        path: request.path,
        headers,
        body: request.form ?? null,
      })
      await answer.body.dump()
      if (answer.statusCode >= 300) throw new Error(`${request.method} ${request.path} answered ${answer.statusCode}`)
    }
  }
  await Promise.all(Array.from({ length: connections }, worker))
  await pool.close()
}

function loadWithH2load(port: number, request: LoadRequest, count: number, formFile: string | undefined): void {
  const form =
    request.form === undefined ? [] : ['-d', String(formFile), '-H', 'content-type: application/x-www-form-urlencoded']
  const args = [
    '--h1',
    '-n',
    String(count),
    '-c',
    String(Math.min(request.connections ?? CONNECTIONS, count)),
    '-t',
    '1',
    ...form,
    `http://127.0.0.1:${port}${request.path}`,
  ]
  const [command, pinned] = isInstalled('taskset') ? ['taskset', ['-c', '1', 'h2load', ...args]] : ['h2load', args]
  const output = execFileSync(command, pinned, { encoding: 'utf8' })
  const succeeded = Number(/status codes: (\d+) 2xx/.exec(output)?.[1])
  if (succeeded !== count) throw new Error(`only ${succeeded} of ${count} requests got 2xx:\n${output}`)
}

/** Whether a program is on the PATH. */
export function isInstalled(program: string): boolean {
  try {
    execFileSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
