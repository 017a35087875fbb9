import assert from 'node:assert/strict'
import { cpSync, mkdirSync, readFileSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import { findPostgres } from '../../scripts/private-postgres.ts'
import { findProgram } from '../../scripts/test-parts.ts'
import { ROOT, startProgram } from '../support/program.ts'
import { scratchDirectory } from '../support/scratch.ts'

const unshare = findProgram('unshare')
const postgres = findPostgres()
const skip =
  process.getuid?.() !== 0 || unshare === undefined
    ? 'only root can have namespaces of its own'
    : postgres === undefined && 'PostgreSQL is not installed here'

const scratch = scratchDirectory('systemd-walk')
after(() => scratch.remove())

/** Copies the packages that `npm ci --omit=dev` installs. */
function copyProductionPackages(directory: string): void {
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean; devOptional?: boolean }>
  }
  const installed = realpathSync(join(ROOT, 'node_modules'))
  for (const [path, { dev, devOptional }] of Object.entries(lock.packages)) {
    const name = /^node_modules\/((?:@[^/]+\/)?[^/]+)$/.exec(path)?.[1]
    if (name === undefined || dev || devOptional || name.startsWith('node-linux-arm')) continue
    mkdirSync(dirname(join(directory, name)), { recursive: true })
    cpSync(join(installed, name), join(directory, name), { recursive: true })
  }
}

test('the commands of the how-to for systemd start every unit, and the checks after them pass', {
  skip,
}, async () => {
  copyProductionPackages(join(scratch.path, 'packages'))
  const walk = await startProgram({
    command: unshare ?? '',
    args: [
      ...['--mount', '--net', '--pid', '--fork', '--kill-child', process.execPath],
      ...[join(ROOT, 'test/deploy/systemd-walk.ts'), postgres ?? '', scratch.path],
    ],
  })
  await walk.ended
  const said = walk.stdout.text()
  assert.match(said, /^done$/m, `${said}\n${walk.stderr.text()}`)
  assert.match(said, /^node v24\./m)
  assert.match(said, /^secrets 600$/m)
  assert.match(said, /^copied data false$/m)
  assert.match(said, /^started handover-control handover-iam handover-gateway$/m)
  assert.match(said, /the brake of production is on/)
  assert.match(said, /the brake of production is off/)
})
