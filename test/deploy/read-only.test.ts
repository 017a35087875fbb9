import assert from 'node:assert/strict'
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { findProgram } from '../../scripts/test-parts.ts'
import { createServerDatabase } from '../support/database.ts'
import { freePorts } from '../support/ports.ts'
import { type Program, ROOT, startProgram } from '../support/program.ts'
import { scratchDirectory } from '../support/scratch.ts'
import { eventually, untilReady } from '../support/wait.ts'
import { makeSecrets, readDeployments, withSecrets } from './shipped.ts'

const NOBODY = 65_534
const setpriv = findProgram('setpriv')
const server = process.env['HANDOVER_TEST_DATABASE_URL']
const skip =
  process.getuid?.() !== 0 || setpriv === undefined
    ? 'only root can start programs as somebody else'
    : server === undefined && 'there is no server to test with'

/** Links the packages that `npm ci --omit=dev --omit=optional` would install. */
function linkProductionPackages(directory: string): void {
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean; optional?: boolean; devOptional?: boolean }>
  }
  const installed = realpathSync(join(ROOT, 'node_modules'))
  for (const [path, { dev, optional, devOptional }] of Object.entries(lock.packages)) {
    const name = /^node_modules\/((?:@[^/]+\/)?[^/]+)$/.exec(path)?.[1]
    if (name === undefined || dev || optional || devOptional) continue
    mkdirSync(dirname(join(directory, name)), { recursive: true })
    symlinkSync(join(installed, name), join(directory, name))
  }
}

/** The command lines of the Kubernetes base, run by an unprivileged user on a read-only tree. */
describe('the parts in a container', { skip }, () => {
  const scratch = scratchDirectory('read-only')
  const tree = join(scratch.path, 'tree')
  const secrets = join(scratch.path, 'secrets')
  const state = join(scratch.path, 'state')
  const programs: Program[] = []
  let remove: () => Promise<void>
  /** The local address for each address in the manifests. */
  const places = new Map<string, string>()

  before(async () => {
    const created = await createServerDatabase(server ?? '')
    remove = created.remove
    chmodSync(scratch.path, 0o755)
    for (const name of ['src', 'flags', 'package.json']) cpSync(join(ROOT, name), join(tree, name), { recursive: true })
    linkProductionPackages(join(tree, 'node_modules'))
    for (const path of globSync(`${tree}/{src,flags}/**`)) chmodSync(path, 0o555)
    chmodSync(tree, 0o555)
    mkdirSync(state)
    chownSync(state, NOBODY, NOBODY)
    makeSecrets(secrets, NOBODY)
    const url = JSON.stringify(created.url)
    writeFileSync(join(secrets, 'database.yaml'), `control: { database_url: ${url} }\niam: { database_url: ${url} }\n`)
    chmodSync(secrets, 0o555)
    const ports = await freePorts(6)
    const addresses = ports.map((port) => `127.0.0.1:${port}`)
    const named = ['0.0.0.0:8080', '0.0.0.0:8084', '0.0.0.0:8085', '0.0.0.0:8181', '0.0.0.0:9181']
    for (const [index, name] of named.entries()) places.set(name, addresses[index] ?? '')
    places.set('control:8080', addresses[0] ?? '').set('iam:8084', addresses[1] ?? '')
    places.set('monolith.platform.svc.cluster.local:3000', addresses[5] ?? '')
  })
  after(async () => {
    for (const program of programs) await program.stop()
    await remove?.()
    scratch.remove()
  })

  const here = (arg: string) => [...places].reduce((text, [from, to]) => text.replaceAll(from, to), arg)
  const start = async (name: string, readyAt: string) => {
    const found = readDeployments().find(({ metadata }) => metadata.name === name)
    assert.ok(found)
    const { args } = found.spec.template.spec.containers[0]
    const own = withSecrets(args, secrets).map((arg) => here(arg).replace('/var/lib/handover', state))
    const program = await startProgram({
      command: setpriv ?? '',
      args: [
        ...[`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', '--no-new-privs', '--inh-caps=-all'],
        ...[process.execPath, 'src/main.ts', ...own],
      ],
      cwd: tree,
      env: { NODE_ENV: 'production', HOME: '/nonexistent' },
    })
    programs.push(program)
    const ended = program.ended.then(({ code }) => {
      throw new Error(`${name} ended with ${code}:\n${program.stdout.text()}${program.stderr.text()}`)
    })
    ended.catch(() => {})
    await Promise.race([ended, untilReady(`http://${places.get(readyAt)}/readyz`)])
    return program
  }

  test('start as an unprivileged user on a read-only tree, and stop in order', async () => {
    await start('control', '0.0.0.0:8080')
    await start('iam', '0.0.0.0:8085')
    const gateway = await start('gateway', '0.0.0.0:9181')
    await eventually('the snapshot is kept in the only place that can be written', () => {
      return existsSync(join(state, 'snapshot.ndjson'))
    })
    const health = await startProgram({
      command: process.execPath,
      args: [join(ROOT, 'deploy/healthcheck.mjs'), `http://${places.get('0.0.0.0:9181')}/healthz`],
    })
    assert.equal((await health.ended).code, 0)
    for (const program of programs)
      assert.equal((await program.stop(10_000)).code, 0, program.stdout.text().slice(-500))
    const sick = await startProgram({
      command: process.execPath,
      args: [join(ROOT, 'deploy/healthcheck.mjs'), `http://${places.get('0.0.0.0:9181')}/healthz`],
    })
    assert.equal((await sick.ended).code, 1)
    assert.doesNotMatch(gateway.stderr.text(), /EACCES|EROFS/)
  })
})
