import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type Database, openDatabase } from '../../src/storage/index.ts'
import { createServerDatabase } from '../support/database.ts'
import { freePorts } from '../support/ports.ts'
import { type Program, startHandover } from '../support/program.ts'
import { scratchDirectory } from '../support/scratch.ts'
import { eventually, untilReady } from '../support/wait.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'
const TOKEN = 'a-planted-token'

const server = process.env['HANDOVER_TEST_DATABASE_URL']

describe('side effects and a control plane that is killed', {
  skip: server === undefined && 'there is no server to test with',
}, () => {
  const scratch = scratchDirectory('side-effects-kill')
  const file = (name: string) => join(scratch.path, name)
  const taken: string[] = []
  /** Requests that are left unanswered. */
  const held: ServerResponse[] = []
  let isHanging = true
  const events = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    if (isHanging) return void held.push(response)
    taken.push(JSON.parse(Buffer.concat(chunks).toString()).id)
    response.writeHead(200).end()
  })
  let port = 0
  let program: Program
  let created: Awaited<ReturnType<typeof createServerDatabase>>
  let database: Database

  const start = async () => {
    program = await startHandover([
      ...['control', '--config', file('config.yml'), '--listen', `127.0.0.1:${port}`],
      ...['--database-url', created.url, '--data-dir', file('data')],
    ])
    await untilReady(`http://127.0.0.1:${port}/readyz`)
  }
  const ask = async (method: string, path: string, json?: unknown) => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      headers: {
        'private-token': readFileSync(file('data/admin-token'), 'utf8').trim(),
        ...(json === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
      signal: AbortSignal.timeout(5_000),
    })
    return { status: answer.status, text: await answer.text() }
  }

  before(async () => {
    await new Promise<void>((resolve) => events.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(events.address() as AddressInfo).port}/events`
    writeFileSync(file('events-token'), TOKEN)
    writeFileSync(
      file('config.yml'),
      `control:\n  side_effects:\n    events:\n      url: ${url}\n      token_file: ${file('events-token')}\n`,
    )
    created = await createServerDatabase(server ?? '')
    database = await openDatabase({ kind: 'postgres', url: created.url })
    port = (await freePorts(1))[0] ?? 0
    await start()
  })
  after(async () => {
    await program.stop()
    events.closeAllConnections()
    await new Promise((resolve) => events.close(resolve))
    await database.close()
    await created.remove()
    scratch.remove()
  })

  test('a change succeeds while its effects cannot be delivered, and pending effects survive the process', async () => {
    for (const value of ['true', 'false', 'true']) {
      assert.equal((await ask('POST', `/api/v4/features/${FLAG}`, { value })).status, 201)
    }
    await eventually('somebody was asked', () => held.length > 0)
    program.kill('SIGKILL')
    await program.ended
    isHanging = false
    for (const response of held) response.destroy()
    const said = program.stdout.text() + program.stderr.text()
    await start()
    // Simulates that the claims of dead processes have expired.
    const claimed = await database.query(
      `update control.effects set claimed_until = now() where claimed_until > now() returning id`,
    )
    assert.ok(claimed.length > 0, 'it died in the middle of something')
    await eventually('all three are told', () => new Set(taken).size === 3)
    assert.equal(taken.length, 3, 'each once')
    const left = await eventually('all are done', async () => {
      const { text } = await ask('GET', '/api/v1/side-effects?state=done')
      return JSON.parse(text).side_effects.length === 3 ? text : undefined
    })
    assert.doesNotMatch(said + left + program.stdout.text(), new RegExp(TOKEN))
  })
})
