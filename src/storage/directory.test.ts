import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { claimDataDirectory, DirectoryInUseError, DirectoryUnusableError } from './index.ts'

const scratch = mkdtempSync(join(tmpdir(), 'handover-directory-'))
after(() => rmSync(scratch, { recursive: true, force: true }))

const lockOf = (path: string) => join(path, 'handover.lock')

describe('a data directory', () => {
  test('is made for its owner alone, locked while held, and free again afterwards', async () => {
    const path = join(scratch, 'deep', 'er')
    const directory = await claimDataDirectory(path)
    assert.equal(statSync(path).mode & 0o777, 0o700)
    assert.equal(readFileSync(lockOf(path), 'utf8'), String(process.pid))
    directory.release()
    assert.equal(existsSync(lockOf(path)), false)
    ;(await claimDataDirectory(path)).release()
  })

  test('is refused to a second process while the first lives, and left as it was', async () => {
    const path = join(scratch, 'held')
    const directory = await claimDataDirectory(path)
    const claim = `import('${new URL('./index.ts', import.meta.url)}').then((storage) => storage.claimDataDirectory(process.argv[1]))
      .then(() => console.log('claimed'), (error) => console.log(error.name))`
    const second = spawnSync(process.execPath, ['-e', claim, path], { encoding: 'utf8', timeout: 30_000 })
    assert.equal(second.stdout.trim(), DirectoryInUseError.name)
    assert.equal(readFileSync(lockOf(path), 'utf8'), String(process.pid))
    directory.release()
  })

  test('is taken over from a process that is gone', async () => {
    const path = join(scratch, 'left')
    ;(await claimDataDirectory(path)).release()
    const { pid } = spawnSync('true')
    writeFileSync(lockOf(path), String(pid))
    const directory = await claimDataDirectory(path)
    assert.equal(readFileSync(lockOf(path), 'utf8'), String(process.pid))
    directory.release()
  })

  test('that cannot be one is said to be unusable', async () => {
    const file = join(scratch, 'file')
    writeFileSync(file, '')
    await assert.rejects(claimDataDirectory(file), DirectoryUnusableError)
    await assert.rejects(claimDataDirectory(join(file, 'below')), DirectoryUnusableError)
  })
})
