import assert from 'node:assert/strict'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import { buildConsole, CONSOLE_DIST } from '../../scripts/build-console.ts'

const FIRST_PAINT_LIMIT = 150_000
const PAGE_LIMIT = 40_000
const FIRST_PAGE = 'src/overview/overview-page.tsx'

interface Chunk {
  readonly file: string
  readonly css?: readonly string[]
  readonly imports?: readonly string[]
  readonly dynamicImports?: readonly string[]
}

describe('the built console', () => {
  let manifest: Readonly<Record<string, Chunk>>
  before(async () => {
    await buildConsole(() => {})
    manifest = JSON.parse(readFileSync(join(CONSOLE_DIST, '.vite', 'manifest.json'), 'utf8'))
  })

  /** The files that a chunk needs before it can run. */
  function filesOf(name: string): Set<string> {
    const names = new Set([name])
    for (const each of names) for (const next of manifest[each]?.imports ?? []) names.add(next)
    return new Set([...names].flatMap((each) => [manifest[each]?.file ?? '', ...(manifest[each]?.css ?? [])]))
  }

  const sizeOf = (files: Iterable<string>) =>
    [...files].reduce((sum, file) => sum + statSync(join(CONSOLE_DIST, `${file}.gz`)).size, 0)
  const pages = () => Object.keys(manifest).filter((name) => /-page\.tsx$/.test(name))
  const firstPaint = () => new Set([...filesOf('index.html'), ...filesOf(FIRST_PAGE)])

  test('needs at most 150 kB of gzip for the first paint of the overview', (t) => {
    const size = sizeOf(firstPaint())
    t.diagnostic(`${(size / 1_000).toFixed(1)} kB`)
    assert.ok(size <= FIRST_PAINT_LIMIT, `${size} bytes`)
  })

  test('needs at most 40 kB of gzip for each further page', (t) => {
    assert.ok(pages().length > 1, 'the manifest lists the pages')
    // Every page loads the brake right after its first paint, so what the brake needs is already there.
    const present = new Set([...filesOf('index.html'), ...filesOf('src/shell/brake-dialog.tsx')])
    for (const page of pages()) {
      const size = sizeOf([...filesOf(page)].filter((file) => !present.has(file)))
      t.diagnostic(`${page}: ${(size / 1_000).toFixed(1)} kB`)
      assert.ok(size <= PAGE_LIMIT, `${page} needs ${size} bytes`)
    }
  })

  test('loads nothing from another origin, and has no script or style inside its page', () => {
    const page = readFileSync(join(CONSOLE_DIST, 'index.html'), 'utf8')
    assert.doesNotMatch(page, /https?:\/\//)
    assert.doesNotMatch(page, /<style|<script(?![^>]*\ssrc=)/)
  })
})
