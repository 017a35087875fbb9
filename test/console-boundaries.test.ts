import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, describe, test } from 'node:test'
import { formatViolation, PROJECT_ROOT } from '../scripts/boundaries.ts'
import { checkConsoleBoundaries, readConsoleImports } from '../scripts/console-boundaries.ts'
import { scratchDirectory } from './support/scratch.ts'

const scratch = scratchDirectory('console-boundaries')
after(() => scratch.remove())

let trees = 0

/** Writes a small console and returns what the check finds in it. */
function findIn(files: Record<string, string>): string[] {
  const root = join(scratch.path, String(trees++))
  for (const [file, text] of Object.entries(files)) {
    const path = join(root, file)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
  }
  return checkConsoleBoundaries(root).violations.map(({ file, line, message }) => `${file}:${line} ${message}`)
}

describe('the boundaries of the console', () => {
  test('hold in this checkout', () => {
    const { files, violations } = checkConsoleBoundaries(PROJECT_ROOT)
    assert.ok(files > 0, 'read no files')
    assert.deepEqual(
      violations.map((violation) => formatViolation(violation)),
      [],
    )
  })

  test('allow only types of the servers', () => {
    const server = { 'src/control-plane/index.ts': 'export const secret = 1\n' }
    const page = 'console/src/overview/page.tsx'
    const type = "import type { a } from '../../../src/control-plane/index.ts'\n"
    assert.deepEqual(findIn({ ...server, [page]: type }), [])
    const value = "import {\n  secret,\n} from '../../../src/control-plane/index.ts'\n"
    assert.deepEqual(findIn({ ...server, [page]: value }), [
      `${page}:1 imports src/control-plane/index.ts, of which it may import types only`,
    ])
  })

  test('keep pages apart from each other and from the shell', () => {
    const files = {
      'console/src/flags/page.tsx': "import { a } from '../overview/a.ts'\nimport { s } from '../shell/s.ts'\n",
      'console/src/overview/a.ts': "import { n } from '../format/n.ts'\nexport const a = n\n",
      'console/src/format/n.ts': 'export const n = 1\n',
      'console/src/shell/s.ts': 'export const s = 1\n',
    }
    assert.deepEqual(findIn(files), [
      'console/src/flags/page.tsx:1 console/src/flags may not import console/src/overview',
      'console/src/flags/page.tsx:2 console/src/flags may not import console/src/shell',
    ])
  })

  test('report a missing file, a forbidden name and a crowded folder', () => {
    const crowd = Object.fromEntries(Array.from({ length: 21 }, (_, at) => [`console/src/parts/p${at}.tsx`, '']))
    assert.deepEqual(findIn({ ...crowd, 'console/src/format/utils.ts': "export { b } from './b.ts'\n" }), [
      'console/src/format/utils.ts:1 utils.ts: name it by what it holds',
      'console/src/format/utils.ts:1 imports ./b.ts, which is missing',
      'console/src/parts:1 lists 21 entries, over 20: make rooms',
    ])
  })

  test('are read from text between tags, lazy imports and imports over several lines', () => {
    const source = [
      "import './main.css'",
      'import {',
      '  a,',
      "} from './a.ts'",
      "const page = () => import('./page.tsx')",
      "type B = typeof import('./b.ts')",
      "export const Text = () => <p>It isn't from 'here'.</p>",
    ].join('\n')
    assert.deepEqual(
      readConsoleImports(source).map(({ specifier, line, isType }) => [specifier, line, isType]),
      [
        ['./main.css', 1, false],
        ['./a.ts', 2, false],
        ['./page.tsx', 5, false],
        ['./b.ts', 6, true],
      ],
    )
  })
})
