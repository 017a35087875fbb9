import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { assertPublished, markdownTable } from '../support/fault-document.ts'
import { freePorts } from '../support/ports.ts'
import { hasEnded } from '../support/process-state.ts'
import { type Program, startHandover } from '../support/program.ts'
import { scratchDirectory } from '../support/scratch.ts'
import { eventually, untilReady } from '../support/wait.ts'

describe('a server on an embedded database', () => {
  const scratch = scratchDirectory('engine')
  let urls: { readonly ready: string; readonly keys: string }
  let iam: Program
  let start = async () => {}

  before(async () => {
    const [port, internal] = await freePorts(2)
    const listen = ['--listen', `127.0.0.1:${port}`, '--internal-listen', `127.0.0.1:${internal}`]
    const origin = `http://127.0.0.1:${internal}`
    urls = { ready: `${origin}/readyz`, keys: `${origin}/oauth2/internal/keys` }
    start = async () => {
      iam = await startHandover(['iam', ...listen, '--issuer', 'https://a.example.test', '--data-dir', scratch.path])
      await untilReady(urls.ready)
    }
    await start()
  })
  after(async () => {
    await iam.stop()
    scratch.remove()
  })

  const engines = () => {
    const opened = iam.stdout.entries().filter(({ msg }) => msg === 'the embedded database is open')
    return opened.map(({ engine_pid }) => Number(engine_pid))
  }
  const engine = () => engines().at(-1) ?? assert.fail('no engine in the log')
  const headers = () => {
    const token = readFileSync(join(scratch.path, 'iam-internal-token'), 'utf8').trim()
    return { 'gitlab-iam-auth-token': token }
  }
  const readKeys = async () => {
    const answer = await fetch(urls.keys, { headers: headers() })
    return { status: answer.status, text: await answer.text() }
  }
  const rotate = async () => {
    const answer = await fetch(`${urls.keys}/rotate`, { method: 'POST', headers: headers() })
    return answer.status
  }

  test('continues when the engine is killed: requests wait for its restart, and acknowledged writes are there', async () => {
    assert.equal(await rotate(), 200)
    const before = (await readKeys()).text
    const killed = engine()
    process.kill(killed, 'SIGKILL')
    await eventually('its end is noticed', () => iam.stdout.text().includes('stopped and is started again'))
    const [read, write] = [await readKeys(), await rotate()]
    assert.deepEqual([read.status, write, read.text], [200, 200, before])
    assert.equal(engines().length, 2)
    await untilReady(urls.ready)
    assertPublished(
      'The process of an embedded database ends',
      `By \`test/e2e/embedded-engine.test.ts\`, which kills it with SIGKILL: IAM restarts it, and its own process continues.
A request during the restart waits for it, 30 s at most. A statement in progress fails; what was
acknowledged is there afterwards. "the embedded database stopped and is started again" is logged with the reason.

${markdownTable(
  ['Request to the internal port after the kill', 'answer'],
  [
    ['read the signing keys', String(read.status)],
    ['rotate the signing keys', String(write)],
  ],
)}`,
    )
  })

  test('keeps its engine until it has closed it, even when both receive a terminal’s signal', async () => {
    process.kill(-iam.pid, 'SIGINT')
    const { code } = await iam.ended
    assert.equal(code, 0, iam.stdout.text())
    assert.doesNotMatch(iam.stdout.text(), /did not stop cleanly|"level":"(?:error|fatal)".*SIGINT/)
    assert.ok(hasEnded(engine()))
    await start()
  })

  test('takes its engine down when it is killed, and releases its directory immediately', async () => {
    const before = (await readKeys()).text
    const orphan = engine()
    iam.kill('SIGKILL')
    await iam.ended
    await start()
    await eventually('the orphaned engine has ended', () => hasEnded(orphan))
    assert.equal((await readKeys()).text, before)
  })
})
