import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { assertPublished, markdownTable } from '../support/fault-document.ts'
import { freePorts } from '../support/ports.ts'
import { startHandover } from '../support/program.ts'
import { scratchDirectory } from '../support/scratch.ts'
import { untilReady } from '../support/wait.ts'

const scratch = scratchDirectory('full-disk')
const isMounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=120m', 'tmpfs', scratch.path]).status === 0
after(() => {
  if (isMounted) spawnSync('umount', ['-l', scratch.path])
  scratch.remove()
})
const skip = isMounted ? false : 'no small file system can be mounted here'

/** Uses up all free space. */
function fill(path: string): void {
  const file = openSync(path, 'w')
  try {
    for (const block of [1 << 16, 1 << 12]) fillBy(file, Buffer.alloc(block))
  } finally {
    closeSync(file)
  }
}

function fillBy(file: number, block: Buffer): void {
  try {
    while (writeSync(file, block) > 0);
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC')
  }
}

test('IAM keeps reading when its embedded store is out of space, and writes again once there is space', {
  skip,
}, async () => {
  const [port, internal] = await freePorts(2)
  const tokenFile = join(scratch.path, 'token')
  const iam = await startHandover([
    ...['iam', '--listen', `127.0.0.1:${port}`, '--internal-listen', `127.0.0.1:${internal}`],
    ...['--issuer', 'https://platform.example.test', '--data-dir', join(scratch.path, 'iam')],
    ...['--internal-token-file', tokenFile],
  ])
  await untilReady(`http://127.0.0.1:${port}/readyz`)
  const headers = { 'gitlab-iam-auth-token': readFileSync(tokenFile, 'utf8').trim() }
  const read = async () => (await fetch(`http://127.0.0.1:${internal}/oauth2/internal/clients`, { headers })).status
  const write = async () =>
    (await fetch(`http://127.0.0.1:${internal}/oauth2/internal/keys/rotate`, { method: 'POST', headers })).status
  const row = async () => [String(await read()), String(await write())]
  const filler = join(scratch.path, 'filler')
  // The first key needs a separate page; later ones may fit into it.
  fill(filler)
  const full = await row()
  rmSync(filler)
  const again = await row()
  assert.deepEqual(
    [full, again],
    [
      ['200', '500'],
      ['200', '200'],
    ],
  )
  const said = iam.stdout.entries().find((entry) => JSON.stringify(entry).includes('No space left on device'))
  assert.equal(said?.['level'], 'error')
  const { code } = await iam.stop()
  assert.equal(code, 0)
  assertPublished(
    'The disk of an embedded store is full',
    `By \`test/e2e/full-disk.test.ts\`, on a small file system: IAM continues, answers what it reads, and takes writes again without a restart. Both are asked of its internal port. "could
not extend file …: No space left on device" is logged with each request that fails.

${markdownTable(
  ['Disk', 'read', 'write'],
  [
    ['is full', ...full],
    ['has room again', ...again],
  ],
)}`,
  )
})
