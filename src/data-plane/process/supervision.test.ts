import assert from 'node:assert/strict'
import { chmod, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { ROOT, startProgram } from '../../../test/support/program.ts'
import { RuntimeApi } from '../maps/runtime-api.ts'
import { NO_HAPROXY, PlaneBed, until } from '../testing/plane-bed.ts'

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

async function sideOf(url: string, client: string): Promise<string | undefined> {
  const body = `grant_type=client_credentials&client_id=${client}`
  const response = await fetch(`${url}/oauth/token`, { method: 'POST', headers: FORM, body }).catch(() => undefined)
  return response?.status === 200 ? ((await response.json()) as { side: string }).side : undefined
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return address !== null && typeof address === 'object' ? address.port : assert.fail()
}

describe('the supervision of HAProxy', { skip: NO_HAPROXY }, () => {
  test('starts it again after a kill, with the current map', async () => {
    const bed = await PlaneBed.make()
    try {
      const { plane } = await bed.whole()
      await bed.snapshot({ version: 8, actors: [2] })
      await until(() => plane.gateway.routing.snapshot?.version === 8)
      await plane.settled()
      const pid = plane.haproxyPid ?? assert.fail('HAProxy does not run')
      process.kill(pid, 'SIGKILL')
      await until(() => plane.haproxyPid !== undefined && plane.haproxyPid !== pid)
      await until(async () => (await sideOf(plane.url, 'staying')) === 'iam')
      assert.equal(await sideOf(plane.url, 'moved'), 'legacy')
    } finally {
      await bed.end()
    }
  })

  test('lets HAProxy route on while its agent is dead, and replaces it at the next start', async () => {
    const bed = await PlaneBed.make()
    const legacy = await bed.side('legacy')
    const iam = await bed.side('iam')
    await bed.snapshot()
    const port = await freePort()
    const url = `http://127.0.0.1:${port}`
    const data = join(bed.directory, 'data')
    const start = () =>
      startProgram({
        command: process.execPath,
        args: [
          ...[join(ROOT, 'src/main.ts'), 'dataplane', 'haproxy', '--listen', `127.0.0.1:${port}`],
          ...['--admin-listen', '127.0.0.1:0', '--legacy-url', legacy.url, '--iam-url', iam.url],
          ...['--snapshot', bed.snapshotFile, '--data-dir', data, '--drain-ms', '500'],
        ],
      })
    const api = new RuntimeApi(join(data, 'haproxy', 'haproxy.sock'), 5_000)
    try {
      const first = await start()
      await until(async () => (await sideOf(url, 'moved')) === 'iam')
      const pid = await api.pid()
      first.kill('SIGKILL')
      await until(() => !isAlive(first.pid))
      assert.equal(await sideOf(url, 'moved'), 'iam')
      assert.equal(await sideOf(url, 'staying'), 'legacy')
      await bed.snapshot({ version: 8, actors: [2] })
      const second = await start()
      let refused = 0
      await until(async () => {
        const side = await sideOf(url, 'staying')
        if (side === undefined) refused++
        return side === 'iam'
      })
      assert.equal(refused, 0)
      await until(() => !isAlive(pid))
      assert.notEqual(await api.pid(), pid)
      const { code } = await second.stop()
      assert.equal(code, 0)
      assert.equal(await sideOf(url, 'moved'), undefined)
    } finally {
      const left = await api.pid().catch(() => undefined)
      if (left !== undefined) process.kill(left, 'SIGKILL')
      await bed.end()
    }
  })

  test('names the fault when HAProxy does not start, and leaves nothing running', async () => {
    const bed = await PlaneBed.make()
    try {
      const legacy = await bed.side('legacy')
      const taken = await bed.side('taken')
      const port = Number(new URL(taken.url).port)
      const listen = { host: '127.0.0.1', port }
      await assert.rejects(bed.plane({ legacyUrl: legacy.url, listen }), /HAProxy did not start: .*cannot bind socket/)
      await assert.rejects(bed.plane({ legacyUrl: legacy.url }, join(bed.directory, 'none')), /it is not installed/)
    } finally {
      await bed.end()
    }
  })

  test('refuses a directory that others may read, and one that cannot be created', async () => {
    const bed = await PlaneBed.make()
    try {
      const legacy = await bed.side('legacy')
      const plane = await bed.plane({ legacyUrl: legacy.url })
      await plane.close()
      await chmod(bed.planeDirectory, 0o755)
      await assert.rejects(bed.plane({ legacyUrl: legacy.url }), /must belong to this user, with mode 0700/)
    } finally {
      await bed.end()
    }
    const other = await PlaneBed.make()
    try {
      await writeFile(other.planeDirectory, 'a file')
      await assert.rejects(
        other.plane({ legacyUrl: 'http://127.0.0.1:1' }),
        /cannot be created \(EEXIST\)|is not a directory/,
      )
    } finally {
      await other.end()
    }
  })
})

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
