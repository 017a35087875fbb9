// Runs the systemd commands of docs/how-to/deploy.md as root in separate namespaces: the machine's /etc, /opt and ports
// are not touched. Arguments: the directory of PostgreSQL's programs, a scratch directory. Prints one line for each
// step.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import {
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ROOT } from '../support/program.ts'
import { readUnitFile } from './shipped.ts'

const [binaries = '', scratch = ''] = process.argv.slice(2)
const NOBODY = 65_534
const tools = join(scratch, 'tools')
const running: ChildProcess[] = []

function run(script: string, cwd = ROOT): string {
  const path = `${tools}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`
  const ran = spawnSync('sh', ['-euc', script], {
    cwd,
    encoding: 'utf8',
    timeout: 120_000,
    env: { PATH: path, HOME: '/root' },
  })
  if (ran.status !== 0) throw new Error(`${script}\n${ran.stdout}${ran.stderr}`)
  return ran.stdout
}

/** The machine as Debian installs it: writable directories, a PostgreSQL on its usual port, systemctl. */
async function prepareMachine(): Promise<void> {
  run('ip link set lo up')
  for (const place of ['/etc', '/usr/local', '/var/lib']) {
    const layer = join(scratch, 'layers', place)
    run(
      `mkdir -p ${layer}/upper ${layer}/work && mount -t overlay overlay -o lowerdir=${place},upperdir=${layer}/upper,workdir=${layer}/work ${place}`,
    )
  }
  for (const place of ['/opt', '/run']) run(`mount -t tmpfs tmpfs ${place}`)
  mkdirSync('/run/postgresql')
  run('chown postgres /run/postgresql')
  const data = '/var/lib/postgresql/walk'
  run(`mkdir -p ${data} && chown postgres ${data}`)
  run(
    `runuser -u postgres -- ${binaries}/initdb -D ${data} -A peer --auth-host=scram-sha-256 --no-sync --locale=C -E UTF8`,
  )
  running.push(
    spawn('runuser', ['-u', 'postgres', '--', `${binaries}/postgres`, '-D', data, '-F'], { stdio: 'ignore' }),
  )
  await until('PostgreSQL answers', () => spawnSync(`${binaries}/pg_isready`, ['-q']).status === 0)
  mkdirSync(tools)
  tool('systemctl', 'echo "$@" >>"$0.called"')
  // Links the packages that the registry would deliver for the same arguments.
  tool('npm', `[ "$*" = "ci --omit=dev --ignore-scripts" ] && cp -r ${scratch}/packages node_modules`)
}

function tool(name: string, script: string): void {
  writeFileSync(join(tools, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
}

/** The shell blocks of a section of the how-to. */
function commandsOf(heading: string): string {
  const text = readFileSync(join(ROOT, 'docs/how-to/deploy.md'), 'utf8')
  const section = text.slice(text.indexOf(`\n## ${heading}\n`) + 1).split('\n## ')[0] ?? ''
  const blocks = Array.from(section.matchAll(/^( *)```sh\n([\s\S]*?)^ *```$/gm), ([, indent = '', block = '']) =>
    block.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  )
  if (blocks.length === 0) throw new Error(`the how-to has no commands under ${heading}`)
  return blocks.join('\n')
}

/**
 * Starts a unit as systemd would: as its unprivileged user, with its own copies of its credentials and its state
 * directory.
 */
function startUnit(name: string): void {
  const unit = readUnitFile(`/etc/systemd/system/${name}.service`)
  const credentials = join('/run/credentials', name)
  mkdirSync(credentials, { recursive: true, mode: 0o755 })
  for (const each of unit.get('LoadCredential') ?? []) {
    const [file = '', source = ''] = each.split(':')
    copyFileSync(source, join(credentials, file))
    chownSync(join(credentials, file), NOBODY, NOBODY)
  }
  for (const directory of unit.get('StateDirectory') ?? []) {
    mkdirSync(join('/var/lib', directory), { recursive: true, mode: 0o700 })
    chownSync(join('/var/lib', directory), NOBODY, NOBODY)
  }
  const start = unit.get('ExecStart')?.[0]?.replaceAll('%d', credentials).replaceAll('%S', '/var/lib') ?? ''
  const environment = Object.fromEntries((unit.get('Environment') ?? []).map((pair) => pair.split('=', 2)))
  const rights = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', '--no-new-privs', '--inh-caps=-all']
  const child = spawn('setpriv', [...rights, ...start.split(/\s+/)], {
    cwd: unit.get('WorkingDirectory')?.[0] ?? '/',
    env: { PATH: '/usr/local/bin:/usr/bin:/bin', ...environment },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  child.once('exit', (code) => console.log(`${name} ended with ${code}`))
  running.push(child)
}

async function until(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
  for (const end = Date.now() + 90_000; Date.now() < end; await sleep(100)) {
    if (await holds()) return
  }
  throw new Error(`${what}: not within 90 s`)
}

const isReady = (port: number) => () =>
  fetch(`http://127.0.0.1:${port}/readyz`).then(
    ({ ok }) => ok,
    () => false,
  )

try {
  await prepareMachine()
  run(commandsOf('systemd'))
  console.log(`node ${run('/opt/handover/node --version').trim()}`)
  run('sh deploy/make-secrets.sh /etc/handover && sh deploy/make-database.sh /etc/handover')
  const modes = readdirSync('/etc/handover').map((file) =>
    (statSync(join('/etc/handover', file)).mode & 0o777).toString(8),
  )
  console.log(`secrets ${[...new Set(modes)].join(' ')}`)
  console.log(`copied data ${existsSync('/opt/handover/data')}`)
  const [, started = ''] = /enable --now (.+)/.exec(readFileSync(join(tools, 'systemctl.called'), 'utf8')) ?? []
  for (const name of started.split(' ')) startUnit(name)
  await until('the control plane is ready', isReady(8080))
  await until('IAM is ready', isReady(8085))
  await until('the gateway is ready', isReady(9181))
  console.log(`started ${started}`)
  console.log(run(commandsOf('Before the first application is moved'), '/'))
  console.log('done')
} catch (error) {
  console.log(`failed: ${(error as Error).message}`)
} finally {
  for (const child of running.reverse()) child.kill('SIGTERM')
}
