import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findProgram } from '../../scripts/test-parts.ts'
import { type Program, startProgram } from '../../test/support/program.ts'
import { eventually } from '../../test/support/wait.ts'

/** The addresses that replace those in the shipped files during a test. */
export interface Places {
  readonly scratch: string
  readonly port: number
  readonly legacy: string
  readonly iam: string
  readonly control: string
  readonly gateway: string
  /** The address of Caddy's stand-in for a control plane. */
  readonly standIn: string
  readonly token: string
}

/** A proxy that runs with a file of this folder. */
export interface Recipe {
  readonly name: string
  readonly program: string | undefined
  /** Whether the body of a form reaches the control plane; otherwise a gateway routes what the proxy does not read. */
  readonly passesForms: boolean
  /** In bytes; a longer form is checked without its body. */
  readonly longestForm: number
  start(places: Places): Promise<Program>
}

/** The time limits of the shipped files for an answer of the control plane. */
const LIMITS =
  /\b(limit_ms = |proxy_connect_timeout |proxy_send_timeout |proxy_read_timeout |dial_timeout |response_header_timeout )\d+(ms|s)?\b/g

/**
 * The text of a shipped file with the test's addresses, and with a limit of 10 s for an answer of the control plane:
 * with the 1 s of the file, a request on a busy machine goes to the monolith, as it should.
 */
export function substituted(file: string, places: Places): string {
  const text = readFileSync(join(import.meta.dirname, file), 'utf8')
  return text
    .replaceAll(LIMITS, (_, name: string, unit?: string) => `${name}${unit === 's' || unit === 'ms' ? '10s' : '10000'}`)
    .replaceAll('127.0.0.1:8181', `127.0.0.1:${places.port}`)
    .replaceAll('127.0.0.1:3000', places.legacy)
    .replaceAll('127.0.0.1:8084', places.iam)
    .replaceAll('127.0.0.1:8080', places.control)
    .replaceAll('127.0.0.1:8191', places.gateway)
    .replaceAll('127.0.0.1:8199', places.standIn)
    .replaceAll('the-token-of-gateways', places.token)
}

const nginx: Recipe = {
  name: 'nginx',
  program: findProgram('nginx'),
  passesForms: true,
  longestForm: 1 << 20,
  async start(places) {
    const write = writerIn(places, 'nginx')
    const token = write('handover-token.conf', substituted('nginx/handover-token.conf', places))
    const recipe = write(
      'handover.conf',
      substituted('nginx/handover.conf', places).replaceAll('/etc/nginx/handover-token.conf', token),
    )
    const { path } = write
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${path};`)
    const frame = `daemon off; master_process off; worker_processes 1; pid ${path}/pid; error_log stderr error;
events { worker_connections 256; }
http { access_log off; ${temporary.join(' ')} include ${recipe}; }
`
    return startProgram({ command: this.program ?? '', args: ['-p', path, '-c', write('nginx.conf', frame)] })
  },
}

const haproxy: Recipe = {
  name: 'HAProxy',
  program: findProgram('haproxy'),
  passesForms: true,
  longestForm: 60_000,
  async start(places) {
    const write = writerIn(places, 'haproxy')
    const token = write('handover-token', `${places.token}\n`)
    const lua = write('handover.lua', substituted('haproxy/handover.lua', places))
    const config = substituted('haproxy/haproxy.cfg', places)
      .replaceAll('/etc/haproxy/handover-token', token)
      .replaceAll('/etc/haproxy/handover.lua', lua)
    return startProgram({ command: this.program ?? '', args: ['-db', '-f', write('haproxy.cfg', config)] })
  },
}

const caddy: Recipe = {
  name: 'Caddy',
  program: findProgram('caddy'),
  passesForms: false,
  longestForm: 1 << 20,
  async start(places) {
    const write = writerIn(places, 'caddy')
    const file = write('Caddyfile', substituted('caddy/Caddyfile', places))
    const env = { HANDOVER_TOKEN: places.token, XDG_DATA_HOME: write.path, XDG_CONFIG_HOME: write.path }
    const args = ['run', '--adapter', 'caddyfile', '--config', file]
    return startProgram({ command: this.program ?? '', args, env })
  },
}

/** The recipes that a machine with Debian's packages can run. */
export const recipes: readonly Recipe[] = [nginx, haproxy, caddy]

function writerIn(places: Places, name: string) {
  const path = join(places.scratch, name)
  mkdirSync(path, { recursive: true })
  const write = (file: string, text: string): string => {
    writeFileSync(join(path, file), text)
    return join(path, file)
  }
  return Object.assign(write, { path })
}

/** Resolves when the proxy answers; rejects with its output if it exits instead. */
export async function untilProxying(port: number, program: Program): Promise<void> {
  const fault = program.ended.then(({ code }) => {
    throw new Error(`the proxy ended with ${code}:\n${program.stderr.text()}\n${program.stdout.text()}`)
  })
  fault.catch(() => {})
  await Promise.race([
    fault,
    eventually('the proxy answers', async () => (await fetch(`http://127.0.0.1:${port}/`)).status === 200),
  ])
}
