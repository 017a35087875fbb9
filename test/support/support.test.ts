import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { formsIn } from '../../src/probes/index.ts'
import { Browser } from './browser.ts'
import { testDatabases } from './database.ts'
import { freePortRange, freePorts } from './ports.ts'
import { hasEnded } from './process-state.ts'
import { startProgram } from './program.ts'
import { eventually } from './wait.ts'

const node = (script: string) => startProgram({ command: process.execPath, args: ['-e', script] })

describe('a program under test', () => {
  test('shows its lines and log entries as they arrive, and ends by SIGTERM', async () => {
    const program = await node(
      'console.log("up"); console.log(JSON.stringify({ msg: "hello" })); setInterval(() => {}, 1000)',
    )
    assert.equal(await program.stdout.waitFor(/^up$/), 'up')
    assert.deepEqual(await program.stdout.waitForEntry((entry) => entry.msg === 'hello'), { msg: 'hello' })
    assert.deepEqual(await program.stop(), { code: null, signal: 'SIGTERM' })
    assert.deepEqual(program.stdout.entries(), [{ msg: 'hello' }])
  })

  test('is killed with its children when it ignores SIGTERM', async () => {
    const child = 'process.on("SIGTERM", () => {}); console.log(process.pid); setInterval(() => {}, 1000)'
    const parent = `process.on("SIGTERM", () => {}); require("child_process").spawn(process.execPath, ["-e", ${JSON.stringify(child)}], { stdio: "inherit" })`
    const program = await node(parent)
    await program.stdout.waitFor(/^\d+$/)
    // Both write to one pipe, which closes when the last of them has ended: `stop` waits for that.
    assert.deepEqual(await program.stop(200), { code: null, signal: 'SIGKILL' })
  })

  test('ends a wait for a line when it exits without it, with its output in the error', async () => {
    const program = await node('console.log("goodbye")')
    await assert.rejects(program.stdout.waitFor(/hello/), /ended without the awaited line; last lines:\ngoodbye/)
  })
})

test('a child that is to end with its parent ends at Ctrl-C', async () => {
  const module = new URL('child-processes.ts', import.meta.url).href
  const script = `
    import { spawn } from 'node:child_process'
    import { endWithThisProcess } from ${JSON.stringify(module)}
    const child = spawn('sleep', ['600'], { detached: true })
    endWithThisProcess(child)
    console.log(child.pid)`
  const args = ['--input-type=module', '-e', script]
  const parent = await startProgram({ command: process.execPath, args })
  const child = Number(await parent.stdout.waitFor(/^\d+$/))
  parent.kill('SIGINT')
  assert.equal((await parent.ended).code, 130)
  await eventually('it has ended', () => hasEnded(child))
})

test('an ended process counts as ended even before its parent has noticed', async () => {
  assert.equal(hasEnded(process.pid), false)
  // This shell never waits for its child.
  const parent = await startProgram({ command: 'sh', args: ['-c', 'sleep 0 & echo $!; exec sleep 600'] })
  const child = Number(await parent.stdout.waitFor(/^\d+$/))
  await eventually('it has ended', () => hasEnded(child))
  assert.ok(existsSync(`/proc/${child}`))
  await parent.stop()
  assert.equal(hasEnded(parent.pid), true)
})

test('free ports are distinct, and a range is consecutive', async () => {
  assert.equal(new Set(await freePorts(5)).size, 5)
  assert.ok((await freePortRange(7)) > 1_024)
})

describe('the browser', () => {
  const seen: string[] = []
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url} ${request.headers.cookie ?? '-'}`)
    if (request.url === '/start') response.setHeader('Set-Cookie', ['a=1; path=/; HttpOnly', 'b=2; path=/deep', 'c=3'])
    if (request.url === '/end') response.setHeader('Set-Cookie', 'a=; path=/; Max-Age=0')
    if (request.url === '/start') response.writeHead(302, { Location: '/page' }).end()
    else if (request.url === '/post') request.pipe(response.writeHead(200))
    else response.end('<form action="/post" method="post"><input name="x" value="1 &amp; 2"><input name="y"></form>')
  })
  let base = ''
  before(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  after(() => server.close())

  test('keeps cookies by path, follows redirects on request, and submits forms', async () => {
    const browser = new Browser()
    const redirect = await browser.visit(`${base}/start`)
    assert.deepEqual([redirect.status, redirect.location?.href], [302, `${base}/page`])
    assert.equal((await browser.follow(redirect, `${base}/page`)).status, 302)
    const page = await browser.follow(redirect)
    const form = page.forms[0]
    assert.ok(form)
    assert.equal((await browser.submit(form, { y: 'ü' })).text, 'x=1+%26+2&y=%C3%BC')
    assert.deepEqual(browser.cookieNames(`${base}/deep/er`), ['a', 'b', 'c'])
    await browser.visit(`${base}/end`)
    assert.deepEqual(browser.cookieNames(base), ['c'])
    assert.deepEqual(seen, ['GET /start -', 'GET /page a=1; c=3', 'POST /post a=1; c=3', 'GET /end a=1; c=3'])
  })
})

test('parses a form with its hidden fields, checked boxes and first button, each with its type', () => {
  const html = `<form method=post><input type="hidden" name="token" value='&quot;t&#39;'><textarea name="n">a&lt;b</textarea>
    <input type=checkbox name=on checked><input type=checkbox name=off><input disabled name=no>
    <button name="do" value="yes">Yes</button><button name="do" value="no">No</button></form>`
  const [form] = formsIn(html, new URL('http://localhost/here?q=1'))
  assert.equal(form?.action.href, 'http://localhost/here?q=1')
  assert.deepEqual(form?.fields, [
    ['token', '"t\'', 'hidden'],
    ['n', 'a<b', 'textarea'],
    ['on', 'on', 'checkbox'],
    ['do', 'yes', 'submit'],
  ])
  assert.deepEqual(form?.buttons, ['Yes', 'No'])
})

for (const engine of testDatabases()) {
  test(`each ${engine.kind} test database is new and separate`, async () => {
    const store = await engine.open()
    try {
      assert.equal(store.database.kind, engine.kind)
      await store.database.query('create table mine (a int)')
      const rows = await store.database.query(
        "select table_name from information_schema.tables where table_schema = 'public'",
      )
      assert.deepEqual(rows, [{ table_name: 'mine' }])
    } finally {
      await store.close()
    }
  })
}
