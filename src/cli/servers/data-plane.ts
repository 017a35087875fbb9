import { mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { ConfigError, loadSettings, type Settings } from '../../config/index.ts'
import { type DataPlaneSettings, HaproxyError, startDataPlane } from '../../data-plane/index.ts'
import { createLog } from '../../observability/index.ts'
import { UsageFault } from '../command-line.ts'
import { sectionHelp } from '../help.ts'
import type { CommandIo } from '../io.ts'
import { gatewaySettings, warnOfGaps } from './gateway.ts'
import { runUntilStopped } from './run-part.ts'

/** What this command takes besides the options of the gateway. */
const OWN_OPTIONS = {
  '--haproxy': 'HANDOVER_HAPROXY',
  '--haproxy-bind': 'HANDOVER_HAPROXY_BIND',
} as const
type OwnOption = keyof typeof OWN_OPTIONS

const HELP = `Usage: handover dataplane haproxy [options]

Routes each OAuth request to the monolith or to IAM with HAProxy, which hands over to a gateway behind it what it cannot
decide. Takes the options of 'handover gateway', and:

  --haproxy PROGRAM
      The HAProxy to start, version 2.6 or newer. Default: haproxy. [HANDOVER_HAPROXY]
  --haproxy-bind OPTIONS
      Further options of HAProxy's bind line, such as "ssl crt /etc/ssl/site.pem alpn h2,http/1.1" or "accept-proxy".
      [HANDOVER_HAPROXY_BIND]

--workers is the number of HAProxy's threads. --data-dir also holds HAProxy's files; without it they are in the system's
directory of temporary files.

`

/** `handover dataplane haproxy`: a HAProxy that routes by the gateway's decisions, and a gateway behind it. */
export async function runDataPlane(args: readonly string[], io: CommandIo): Promise<number> {
  const [kind, ...rest] = args
  if (kind === undefined || kind === '--help' || kind === '-h') {
    io.stdout.write(HELP)
    return kind === undefined ? 2 : 0
  }
  if (kind !== 'haproxy')
    throw new UsageFault(`unknown data plane ${JSON.stringify(kind.slice(0, 40))}; there is haproxy`)
  const { own, others } = splitOptions(rest)
  const settings = loadSettings('gateway', { args: others, env: io.env })
  if (settings === 'help') {
    io.stdout.write(HELP + sectionHelp('gateway', 'The options of the gateway:').split('\n').slice(4).join('\n'))
    return 0
  }
  const log = createLog('dataplane', { level: settings.log_level })
  warnOfGaps(settings, log)
  const optionOf = (option: OwnOption) => own.get(option) ?? io.env[OWN_OPTIONS[option]]
  const checked: DataPlaneSettings = {
    gateway: gatewaySettings(settings),
    program: optionOf('--haproxy') || 'haproxy',
    directory: directoryOf(settings),
    bindOptions: bindOptions(optionOf('--haproxy-bind') ?? ''),
    threads: settings.workers,
  }
  try {
    const plane = await startDataPlane(checked, log)
    log.info({ listen: plane.url, admin: plane.gateway.adminUrl }, 'HAProxy and its gateway are ready')
    return await runUntilStopped([{ stopMs: settings.drain_ms * 2 + 2_000, close: () => plane.close() }], log)
  } catch (error) {
    if (error instanceof HaproxyError) throw new ConfigError([error.message])
    throw error
  }
}

/** The same directory at each start, so that a start finds the HAProxy of the one before. */
function directoryOf({ data_dir, listen }: Settings<'gateway'>): string {
  if (data_dir !== undefined) {
    mkdirSync(data_dir, { recursive: true })
    return join(resolve(data_dir), 'haproxy')
  }
  return join(tmpdir(), `handover-haproxy-${process.getuid?.() ?? 0}-${listen.replace(/[^A-Za-z0-9.]/g, '-')}`)
}

function bindOptions(text: string): string {
  if (/[\r\n]/.test(text)) throw new ConfigError(['--haproxy-bind: must be one line'])
  return text.trim()
}

function splitOptions(args: readonly string[]): { own: Map<OwnOption, string>; others: string[] } {
  const own = new Map<OwnOption, string>()
  const others: string[] = []
  for (let at = 0; at < args.length; at++) {
    const argument = args[at] ?? ''
    const equals = argument.indexOf('=')
    const name = (equals < 0 ? argument : argument.slice(0, equals)) as OwnOption
    if (!Object.hasOwn(OWN_OPTIONS, name)) {
      others.push(argument)
      continue
    }
    const value = equals < 0 ? args[++at] : argument.slice(equals + 1)
    if (value === undefined || value === '') throw new UsageFault(`${name} needs a value`)
    if (own.has(name)) throw new UsageFault(`${name} is given twice`)
    own.set(name, value)
  }
  return { own, others }
}
