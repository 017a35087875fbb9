import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib'
import { Browser } from '../../../../test/support/browser.ts'
import { startTestControlPlane, type TestControlPlane } from '../../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../../test/support/database.ts'
import { rawRequest } from '../../../../test/support/raw-request.ts'
import { scratchDirectory } from '../../../../test/support/scratch.ts'

const SCRIPT = 'console.log("handover")'

/** A built console with one script. */
function builtConsole(directory: string, title = 'Console'): void {
  mkdirSync(join(directory, 'assets'), { recursive: true })
  const script = join(directory, 'assets', 'main-abc123.js')
  writeFileSync(script, SCRIPT)
  writeFileSync(`${script}.br`, brotliCompressSync(SCRIPT))
  writeFileSync(`${script}.gz`, gzipSync(SCRIPT))
  writeFileSync(join(directory, 'favicon.svg'), '<svg xmlns="http://www.w3.org/2000/svg"/>')
  const head = `<base href="./"><title>${title}</title><script type="module" src="./assets/main-abc123.js"></script>`
  writeFileSync(join(directory, 'index.html'), `<!doctype html><html lang="en"><head>${head}</head></html>`)
}

for (const engine of testDatabases()) {
  describe(`the web console on ${engine.kind}`, () => {
    const scratch = scratchDirectory('console')
    const directory = join(scratch.path, 'dist')
    let store: TestDatabase
    let plane: TestControlPlane
    before(async () => {
      store = await engine.open()
      plane = await startTestControlPlane(store.database, { consoleDirectory: directory })
    })
    after(async () => {
      await plane.close()
      await store.close()
      scratch.remove()
    })

    async function signIn(browser: Browser) {
      const { json } = await plane.ask('POST', '/api/v1/sign-in-links')
      const [form] = (await browser.open(json.url)).forms
      assert.ok(form)
      return browser.submit(form)
    }

    test('without a build, a signed-in user reads how to build the console', async () => {
      const browser = new Browser()
      assert.equal((await signIn(browser)).url.pathname, '/account')
      const page = await browser.open(`${plane.url}/console/`)
      assert.equal(page.status, 503)
      assert.match(page.text, /npm run build --workspace console/)
    })

    test('every address below /console/ opens the page, with its base at the root of the console', async () => {
      builtConsole(directory)
      const browser = new Browser()
      assert.equal((await signIn(browser)).url.pathname, '/console/')
      for (const [path, base] of [
        ['', './'],
        ['applications', './'],
        ['applications/88', '../'],
        ['flags/a%2Fb/c?x=/y', '../../'],
      ]) {
        const page = await browser.visit(`${plane.url}/console/${path}`)
        assert.equal(page.status, 200)
        assert.ok(page.text.includes(`<base href="${base}">`), `${path}: ${page.text}`)
        assert.equal(new URL(base ?? '', page.url).pathname, '/console/')
        assert.equal(page.headers.get('cache-control'), 'no-store')
        assert.match(page.headers.get('content-security-policy') ?? '', /^default-src 'none'; script-src 'self';/)
        assert.doesNotMatch(page.headers.get('content-security-policy') ?? '', /unsafe/)
      }
      for (const path of ['/', '/console']) {
        assert.equal((await browser.visit(plane.url + path)).location?.pathname, '/console/')
      }
    })

    test('a new build is served without a restart', async () => {
      const browser = new Browser()
      await signIn(browser)
      builtConsole(directory, 'Rebuilt')
      assert.match((await browser.open(`${plane.url}/console/`)).text, /<title>Rebuilt<\/title>/)
    })

    test('files are served compressed and without a session, and no path leads out of the build', async () => {
      writeFileSync(join(scratch.path, 'outside.js'), 'secret')
      const forms = [
        ['br', brotliDecompressSync],
        ['gzip', gunzipSync],
        ['br;q=0, gzip', gunzipSync],
        ['identity', (body: Buffer) => body],
      ] as const
      for (const [accepted, decode] of forms) {
        const answer = await rawRequest(plane.url, '/console/assets/main-abc123.js', { 'accept-encoding': accepted })
        assert.equal(answer.status, 200)
        assert.equal(decode(answer.body).toString(), SCRIPT)
        assert.equal(answer.headers['cache-control'], 'public, max-age=31536000, immutable')
        assert.equal(answer.headers['content-type'], 'text/javascript; charset=utf-8')
        assert.equal(answer.headers['vary'], 'Accept-Encoding')
      }
      const icon = await rawRequest(plane.url, '/console/favicon.svg', {})
      assert.deepEqual([icon.status, icon.headers['cache-control']], [200, 'no-cache'])
      for (const path of ['assets/../../outside.js', 'assets/%2e%2e/%2e%2e/outside.js', 'assets/none.js']) {
        assert.equal((await rawRequest(plane.url, `/console/${path}`, {})).status, 404, path)
      }
    })

    test('a visitor without a session signs in and returns to the address asked for, once', async () => {
      const browser = new Browser()
      const asked = '/console/applications/88?environment=staging&tab=history'
      const page = await browser.open(plane.url + asked)
      assert.equal(page.url.pathname, '/sign-in')
      const back = await signIn(browser)
      assert.equal(back.url.pathname + back.url.search, asked)
      assert.equal((await signIn(browser)).url.pathname, '/console/')
    })

    test('a session that has ended leads to the sign-in page, and only pages of the console are remembered', async () => {
      const browser = new Browser()
      await signIn(browser)
      const { json } = await plane.ask('GET', '/api/v1/sessions')
      for (const { id } of json.sessions) await plane.ask('DELETE', `/api/v1/sessions/${id}`)
      assert.equal((await browser.open(`${plane.url}/console/rollouts/3`)).url.pathname, '/sign-in')
      const planted = Buffer.from('//evil.example/').toString('base64url')
      const { searchParams, pathname } = new URL((await plane.ask('POST', '/api/v1/sign-in-links')).json.url)
      const answer = await fetch(plane.url + pathname, {
        method: 'POST',
        body: searchParams,
        redirect: 'manual',
        headers: { cookie: `handover_return=${planted}` },
      })
      assert.equal(new URL(answer.headers.get('location') ?? '', plane.url + pathname).href, `${plane.url}/console/`)
    })

    test('every redirect and form is relative, so that a proxy may serve the console under a path of its own', async () => {
      const { json } = await plane.ask('POST', '/api/v1/sign-in-links')
      const link = new URL(json.url)
      const confirm = await rawRequest(plane.url, link.pathname + link.search, {})
      assert.match(confirm.body.toString(), /action="\.\.\/sign-in\/link"/)
      const places = [
        ['/', './console/'],
        ['/console', './console/'],
        ['/console/', '../sign-in'],
        ['/console/rollouts/3', '../../sign-in'],
        ['/account', './sign-in'],
      ]
      for (const [path, location] of places) {
        assert.equal((await rawRequest(plane.url, path ?? '', {})).headers.location, location, path)
      }
    })
  })
}
