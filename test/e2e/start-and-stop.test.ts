import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { Browser } from '../support/browser.ts'
import { freePortRange } from '../support/ports.ts'
import { type Program, runHandover, startHandover } from '../support/program.ts'
import { scratchDirectory } from '../support/scratch.ts'
import { eventually } from '../support/wait.ts'
import { walkThroughPages } from './clients/user.ts'

const STARTED = /Administrator's token/

describe('handover up, started and stopped', () => {
  const scratch = scratchDirectory('start')
  let base = 0
  let program: Program
  const args = () => ['up', '--data-dir', scratch.path, '--port-base', String(base)]
  const start = async () => {
    program = await startHandover(args())
    await program.stdout.waitFor(STARTED)
  }
  before(async () => {
    base = await freePortRange(7)
    await start()
  })
  after(async () => {
    await program.stop()
    scratch.remove()
  })

  test('prints five addresses, and each answers', async () => {
    const text = program.stdout.text()
    for (const name of ['Gateway', 'Control plane', 'IAM auth service', 'Monolith', 'Demo client']) {
      const address = new RegExp(`${name}\\s+(http://\\S+)`).exec(text)?.[1]
      assert.ok(address, name)
      const answer = await fetch(`${address}/healthz`)
      assert.equal(answer.status, 200, `${name} at ${address}`)
    }
  })

  test('prints no warning at a first start, and no JSON on its standard output', () => {
    const said = `${program.stdout.text()}\n${program.stderr.text()}`
    assert.doesNotMatch(said, /warn/i)
    assert.doesNotMatch(said, /^\{/m)
    const logged = readFileSync(join(scratch.path, 'handover.log'), 'utf8').trimEnd().split('\n')
    const levels = logged.map((line) => (JSON.parse(line) as { level: string }).level)
    assert.ok(levels.includes('info'))
    assert.deepEqual(
      levels.filter((level) => level !== 'info'),
      [],
    )
  })

  test('prints each routing decision as one readable line', async () => {
    await fetch(`http://127.0.0.1:${base}/oauth/authorize?client_id=nobody`, { redirect: 'manual' })
    const line = await program.stdout.waitFor(/unknown_client/)
    assert.match(
      line,
      /^\d\d:\d\d:\d\d {2}GET \/oauth\/authorize -> rails \(unknown_client\) {2}client sha256:[0-9a-f]{8} {2}\d{3} {2}\d+ ms$/,
    )
  })

  test('prints one link that signs a browser in and opens the console', async () => {
    const links = [...program.stdout.text().matchAll(/http:\/\/\S+\/sign-in\/link\?secret=[\w-]{43}$/gm)]
    assert.equal(links.length, 1)
    const browser = new Browser()
    const [form] = (await browser.open(links[0]?.[0] ?? '')).forms
    assert.ok(form)
    const page = await browser.submit(form)
    assert.equal(page.url.pathname, '/console/')
    assert.equal(page.status, 200)
    assert.match(page.text, /<base href="\.\/">/)
    const [, script] = /src="(\.\/assets\/[\w.-]+\.js)"/.exec(page.text) ?? []
    assert.equal((await browser.visit(new URL(script ?? '', page.url))).status, 200)
  })

  test('other commands find the system by its token file alone', async () => {
    const listed = await runHandover(['flag', 'list', '--token-file', join(scratch.path, 'admin-token')])
    assert.equal(listed.code, 0, listed.stderr)
    const keys = await runHandover(['keys', 'list', '--token-file', join(scratch.path, 'iam-internal-token')])
    assert.equal(keys.code, 0, keys.stderr)
  })

  test('the demo client signs in through the pages of the monolith', async () => {
    const browser = new Browser()
    const demo = `http://127.0.0.1:${base + 6}`
    const home = await browser.open(`${demo}/`)
    const button = home.forms.find((form) => form.action.pathname === '/sign-in/web')
    assert.ok(button)
    const started = await browser.visit(button.action, { method: 'POST', form: {} })
    assert.ok(started.location)
    const callback = await walkThroughPages(browser, started.location.href, `${demo}/callback`)
    const account = await browser.open(callback)
    assert.match(account.text, /Signed in/)
    assert.match(account.text, /class="side monolith"/)
    assert.doesNotMatch(account.text, /[0-9a-f]{64}/, 'no token is shown whole')
  })

  test('the gateway obtains a token from both sides and finds that the marks distinguish them', async () => {
    const marks = await eventually('both sides are checked', async () => {
      const answer = await fetch(`http://127.0.0.1:${base + 1}/readyz`)
      const { credential_marks: found } = (await answer.json()) as { credential_marks: Record<string, string> }
      return Object.values(found).includes('unknown') ? undefined : found
    })
    assert.deepEqual(marks, { rails: 'agrees', iam: 'agrees' })
  })

  test('a second start on the same data directory is one clear line and exit code 2', async () => {
    const other = await freePortRange(7)
    const second = await runHandover(['up', '--data-dir', scratch.path, '--port-base', String(other)])
    assert.equal(second.code, 2)
    assert.match(second.stderr.trim(), /^handover up: .* is in use by another handover process \(pid \d+\)$/)
  })

  test('a taken port is one clear line and exit code 2', async () => {
    const another = scratchDirectory('taken')
    const second = await runHandover(['up', '--data-dir', another.path, '--port-base', String(base)])
    assert.equal(second.code, 2)
    assert.match(
      second.stderr.trim(),
      /^handover up: cannot listen on 127\.0\.0\.1:\d+: the port is in use .*--port-base N/,
    )
    assert.doesNotMatch(second.stderr, /\n.*\n/)
    another.remove()
  })

  test('the first system is unaffected by both', async () => {
    assert.equal((await fetch(`http://127.0.0.1:${base}/users/sign_in`)).status, 200)
  })

  test('settings survive kill -9 and a restart', async () => {
    const operator = [
      '--control-url',
      `http://127.0.0.1:${base + 2}`,
      '--token-file',
      join(scratch.path, 'admin-token'),
    ]
    const set = await runHandover([
      'flag',
      'set',
      'proxy_oauth_requests_to_iam_service',
      'true',
      '--oauth-application=1',
      ...operator,
    ])
    assert.equal(set.code, 0, set.stderr)
    program.kill('SIGKILL')
    await program.ended
    await start()
    const got = await runHandover(['flag', 'get', 'proxy_oauth_requests_to_iam_service', ...operator])
    assert.match(got.stdout, /Authn::OauthApplication:1/)
  })

  test('SIGINT ends it with exit code 0 and releases its ports', async () => {
    program.kill('SIGINT')
    const { code } = await program.ended
    assert.equal(code, 0, program.stderr.text())
    await new Promise<void>((resolve, reject) => {
      const probe = createServer().once('error', reject)
      probe.listen(base, '127.0.0.1', () => probe.close(() => resolve()))
    })
    await start()
  })

  test('a signal during the start ends it with exit code 0 as well', async () => {
    assert.equal((await program.stop()).code, 0)
    program = await startHandover(args())
    await program.stderr.waitFor(/starting control plane/)
    program.kill('SIGTERM')
    const { code } = await program.ended
    assert.equal(code, 0, program.stderr.text())
    await start()
  })
})

test('an unwritable data directory is one clear line and exit code 2', async () => {
  const base = await freePortRange(7)
  const run = await runHandover(['up', '--data-dir', '/dev/null/nowhere', '--port-base', String(base)])
  assert.equal(run.code, 2)
  assert.match(run.stderr.trim(), /^handover up: cannot write to the data directory \/dev\/null\/nowhere \(E[A-Z]+\)$/)
})

test('an unknown command is answered with the nearest one', async () => {
  const run = await runHandover(['gatway'])
  assert.equal(run.code, 2)
  assert.match(run.stderr, /unknown command "gatway", did you mean gateway\?/)
})

test('every fault of a command line is reported at once, with exit code 2', async () => {
  const run = await runHandover(['gateway', '--listen', 'nowhere', '--legacy-url', 'ftp://x', '--wrkers', '2'])
  assert.equal(run.code, 2)
  for (const part of ['gateway.listen', 'gateway.legacy_url', '--wrkers: unknown option, did you mean --workers?']) {
    assert.ok(run.stderr.includes(part), part)
  }
})

for (const command of ['up', 'gateway', 'control', 'iam', 'monolith', 'flag', 'explain', 'brake']) {
  test(`handover ${command} --help explains itself`, async () => {
    const run = await runHandover([command, '--help'])
    assert.equal(run.code, 0)
    assert.match(run.stdout, /Usage: handover/)
  })
}
