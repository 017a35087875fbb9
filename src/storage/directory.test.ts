import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { WAIT_LIMIT_MS } from '../../test/support/wait.ts'
import { claimDataDirectory, DirectoryInUseError, DirectoryUnusableError } from './index.ts'

const scratch = mkdtempSync(join(tmpdir(), 'handover-directory-'))
after(() => rmSync(scratch, { recursive: true, force: true }))

const pidOf = (path: string) => join(path, 'handover.pid')

describe('a data directory', () => {
  test('is created for its owner only, locked while held, and free again afterwards', async () => {
    const path = join(scratch, 'deep', 'er')
    const directory = await claimDataDirectory(path)
    assert.equal(statSync(path).mode & 0o777, 0o700)
    assert.equal(readFileSync(pidOf(path), 'utf8'), String(process.pid))
    directory.release()
    assert.equal(existsSync(pidOf(path)), false)
    ;(await claimDataDirectory(path)).release()
  })

  test('is refused to a second process while the first is running, and left unchanged', async () => {
    const path = join(scratch, 'held')
    const directory = await claimDataDirectory(path)
    const claim = `import('${new URL('./index.ts', import.meta.url)}').then((storage) => storage.claimDataDirectory(process.argv[1]))
      .then(() => console.log('claimed'), (error) => console.log(error.name))`
    const second = spawnSync(process.execPath, ['-e', claim, path], { encoding: 'utf8', timeout: WAIT_LIMIT_MS })
    assert.equal(second.stdout.trim(), DirectoryInUseError.name)
    assert.equal(readFileSync(pidOf(path), 'utf8'), String(process.pid))
    directory.release()
  })

  test('stays with its process even when no code there refers to it any more', async () => {
    const path = join(scratch, 'forgotten')
    const claim = `import('${new URL('./index.ts', import.meta.url)}').then((storage) => storage.claimDataDirectory(process.argv[1]))
      .then(() => setImmediate(() => { gc(); console.log('claimed') })); setInterval(() => {}, 1_000)`
    const holder = spawn(process.execPath, ['--expose-gc', '-e', claim, path], { stdio: ['ignore', 'pipe', 'inherit'] })
    const ended = once(holder, 'exit')
    try {
      await once(holder.stdout, 'data')
      await assert.rejects(claimDataDirectory(path), DirectoryInUseError)
    } finally {
      holder.kill('SIGKILL')
      await ended
    }
    ;(await claimDataDirectory(path)).release()
  })

  test('is free as soon as its process has ended, killed or not', () => {
    const path = join(scratch, 'left')
    const claim = `import('${new URL('./index.ts', import.meta.url)}').then((storage) => storage.claimDataDirectory(process.argv[1]))
      .then(() => process.kill(process.pid, 'SIGKILL'))`
    for (let round = 0; round < 2; round++) {
      const { signal, stderr } = spawnSync(process.execPath, ['-e', claim, path], {
        encoding: 'utf8',
        timeout: WAIT_LIMIT_MS,
      })
      assert.equal(signal, 'SIGKILL', stderr)
    }
  })

  test('is granted to one of several concurrent claimants, regardless of its previous holder', async () => {
    const path = join(scratch, 'wanted')
    const claim = `import('${new URL('./index.ts', import.meta.url)}').then((storage) => storage.claimDataDirectory(process.argv[1]))
      .then(() => { console.log('claimed'); setInterval(() => {}, 1_000) }, (error) => console.log(error.name))`
    const rivals = Array.from({ length: 6 }, () => spawn(process.execPath, ['-e', claim, path]))
    const said = await Promise.all(
      rivals.map(async (rival) => {
        const [line] = await once(rival.stdout.setEncoding('utf8'), 'data')
        return String(line).trim()
      }),
    )
    for (const rival of rivals) rival.kill('SIGKILL')
    assert.deepEqual(said.sort(), [...Array(5).fill(DirectoryInUseError.name), 'claimed'])
  })

  test('that cannot be created or written is reported as unusable', async () => {
    const file = join(scratch, 'file')
    writeFileSync(file, '')
    await assert.rejects(claimDataDirectory(file), DirectoryUnusableError)
    await assert.rejects(claimDataDirectory(join(file, 'below')), DirectoryUnusableError)
  })
})
