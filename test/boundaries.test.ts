import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, describe, test } from 'node:test'
import { ALLOWED_IMPORTS } from '../scripts/allowed-imports.ts'
import { checkBoundaries, formatViolation, PROJECT_ROOT } from '../scripts/boundaries.ts'
import { findCycles } from '../scripts/find-cycles.ts'
import { readImports, readsEnvironment } from '../scripts/read-imports.ts'

const planted = mkdtempSync(join(tmpdir(), 'handover-boundaries-'))
after(() => rmSync(planted, { recursive: true, force: true }))

let trees = 0

/** Writes a small source tree and returns what the check finds in it. */
function findIn(files: Record<string, string>): string[] {
  const root = join(planted, String(trees++))
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, file)), { recursive: true })
    writeFileSync(join(root, file), text)
  }
  const table = { http: [], gateway: ['http'], config: [], 'main.ts': ['gateway'] }
  return checkBoundaries(root, table).violations.map((one) => `${one.file}:${one.line} ${one.message}`)
}

describe('the import boundaries', () => {
  test('hold in this checkout', () => {
    const { files, imports, violations } = checkBoundaries(PROJECT_ROOT, ALLOWED_IMPORTS)
    assert.ok(files > 40, `read only ${files} files`)
    assert.ok(imports > 60, `read only ${imports} imports`)
    assert.deepEqual(
      violations.map((violation) => formatViolation(violation)),
      [],
    )
  })

  test('are the ones that ARCHITECTURE.md shows', () => {
    const text = readFileSync(join(PROJECT_ROOT, 'ARCHITECTURE.md'), 'utf8')
    const shown: Record<string, string[] | '*'> = {}
    for (const row of text.matchAll(/^\| `([\w.-]+)` \| ([^|]+) \|/gm)) {
      const cell = row[2] ?? ''
      const names = Array.from(cell.matchAll(/`([\w.-]+)`/g), (match) => match[1] ?? '')
      shown[row[1] ?? ''] = cell.trim() === 'everything' ? '*' : names.sort()
    }
    const wanted = Object.entries(ALLOWED_IMPORTS).map(([name, to]) => [name, to === '*' ? to : [...to].sort()])
    assert.deepEqual(shown, Object.fromEntries(wanted))
  })

  test('are a table without cycles', () => {
    const graph = new Map(Object.entries(ALLOWED_IMPORTS).map(([name, to]) => [name, to === '*' ? [] : [...to]]))
    assert.deepEqual(findCycles(graph), [])
    for (const [name, to] of graph) for (const one of to) assert.ok(graph.has(one), `${name} names ${one}`)
  })
})

describe('the check of import boundaries', () => {
  const index = { 'src/http/index.ts': 'export const a = 1\n', 'src/gateway/index.ts': 'export const b = 1\n' }

  test('accepts what the table allows', () => {
    const found = findIn({
      ...index,
      'src/gateway/forward.ts': "import { a } from '../http/index.ts'\nimport fs from 'node:fs'\n",
      'src/main.ts': "import './gateway/index.ts'\n",
    })
    assert.deepEqual(found, [])
  })

  for (const [how, statement] of Object.entries({
    'an import': "import { b } from '../gateway/index.ts'",
    'an import of types': "import type { B } from '../gateway/index.ts'",
    'a re-export': "export { b } from '../gateway/index.ts'",
    'a re-export of everything': "export * from '../gateway/index.ts'",
    'a re-export of types': "export type { B } from '../gateway/index.ts'",
    'a dynamic import': "export const b = async () => (await import('../gateway/index.ts')).b",
    'a dynamic import inside a template': `export const b = () => \`x\${\`y\${import('../gateway/index.ts')}\`}\``,
    'an import type in a type': "export type B = import('../gateway/index.ts').B",
    'an import for effect': "import '../gateway/index.ts'",
    'an import over several lines': "import {\n  a, // from 'x'\n  type from,\n} from '../gateway/index.ts'",
    'a required module': "export const b = require('../gateway/index.ts')",
    'a worker': "export const w = new URL('../gateway/index.ts', import.meta.url)",
  })) {
    test(`finds ${how} that the table forbids`, () => {
      const found = findIn({ ...index, 'src/http/server.ts': `\n${statement}\n` })
      assert.deepEqual(found, ['src/http/server.ts:2 src/http may not import src/gateway'])
    })
  }

  test('does not count starting a process from main.ts as an import', () => {
    const started = "export const program = new URL('../main.ts', import.meta.url)\n"
    const files = { ...index, 'src/gateway/workers.ts': started, 'src/main.ts': "import './gateway/index.ts'\n" }
    assert.deepEqual(findIn({ ...files, 'src/gateway/index.ts': "export * from './workers.ts'\n" }), [])
    const found = findIn({ ...files, 'src/gateway/workers.ts': "import '../main.ts'\n" })
    assert.deepEqual(found, ['src/gateway/workers.ts:1 src/gateway may not import src/main.ts'])
  })

  test('finds an import that bypasses an index, also in a test', () => {
    const files = { ...index, 'src/http/address.ts': 'export const c = 1\n' }
    const text = "import { c } from '../http/address.ts'\n"
    const found = findIn({ ...files, 'src/gateway/x.ts': text, 'src/gateway/x.test.ts': text })
    assert.deepEqual(found, [
      'src/gateway/x.test.ts:1 imports src/http/address.ts past src/http/index.ts',
      'src/gateway/x.ts:1 imports src/http/address.ts past src/http/index.ts',
    ])
  })

  test('finds a cycle between files, made of type imports alone', () => {
    const found = findIn({
      'src/http/a.ts': "import type { B } from './b.ts'\nexport type A = B\n",
      'src/http/b.ts': "import type { C } from './c.ts'\nexport type B = C\n",
      'src/http/c.ts': "import type { A } from './a.ts'\nexport type C = A\n",
    })
    assert.deepEqual(found, [
      'src/http/a.ts:1 import cycle: src/http/a.ts → src/http/b.ts → src/http/c.ts → src/http/a.ts',
    ])
  })

  test('finds a cycle between rooms whose files have none', () => {
    const found = findIn({
      'src/http/reading/a.ts': "import type { B } from '../writing/b.ts'\nexport type A = B\n",
      'src/http/writing/b.ts': 'export type B = string\n',
      'src/http/writing/c.ts': "import type { D } from '../reading/d.ts'\nexport type C = D\n",
      'src/http/reading/d.ts': 'export type D = string\n',
    })
    assert.deepEqual(found, [
      'src/http/reading/a.ts:1 rooms import each other: src/http/reading → src/http/writing → src/http/reading' +
        ' (src/http/reading/a.ts imports src/http/writing/b.ts; src/http/writing/c.ts imports src/http/reading/d.ts)',
    ])
  })

  test('accepts files of one room that import each other, and tests that reach into other rooms', () => {
    const found = findIn({
      'src/http/reading/a.ts': "import type { D } from './d.ts'\nexport type A = D\n",
      'src/http/reading/d.ts': 'export type D = string\n',
      'src/http/reading/a.test.ts': "import type { B } from '../writing/b.ts'\nexport type A = B\n",
      'src/http/writing/b.ts': "import type { D } from '../reading/d.ts'\nexport type B = D\n",
    })
    assert.deepEqual(found, [])
  })

  test('finds a folder that lists more than twenty entries', () => {
    const files = Array.from({ length: 21 }, (_, number) => [`src/http/file-${number}.ts`, ''] as const)
    assert.deepEqual(findIn(Object.fromEntries(files)), ['src/http:1 lists 21 entries, over 20: make rooms'])
    assert.deepEqual(findIn(Object.fromEntries(files.slice(1))), [])
  })

  test('accepts any number of folders in src/ itself, because the table describes each of them', () => {
    const files = Array.from({ length: 21 }, (_, number) => [`src/folder-${number}/x.ts`, ''] as const)
    assert.ok(!findIn(Object.fromEntries(files)).some((one) => one.includes('make rooms')))
  })

  test('finds a read of the environment outside the configuration', () => {
    const text = 'export const port = process.env.PORT\n'
    const found = findIn({ 'src/http/x.ts': text, 'src/config/x.ts': text, 'src/http/x.test.ts': text })
    assert.deepEqual(found, ['src/http/x.ts:1 reads process.env, which only src/cli and src/config may'])
  })

  test('finds meaningless names, folders missing from the table, and imports that leave src', () => {
    const found = findIn({
      'src/http/utils/x.ts': '',
      'src/gateway/helpers.ts': '',
      'src/unheard-of/index.ts': "import '../http/index.ts'\n",
      'src/http/index.ts': "import '../../test/support/ports.ts'\n",
      'test/support/ports.ts': '',
    })
    assert.deepEqual(found, [
      'src/gateway/helpers.ts:1 helpers.ts: name it by what it holds',
      'src/http/index.ts:1 imports test/support/ports.ts, which is not part of src/',
      'src/http/utils/x.ts:1 utils: name it by what it holds',
      'src/unheard-of/index.ts:1 src/unheard-of is not in the table of allowed imports',
    ])
  })

  test('finds computed, missing, absolute and test imports', () => {
    const found = findIn({
      'src/http/a.ts': "import('./' + name)\nimport './gone.ts'\nimport '/etc/x.ts'\nimport './b.test.ts'\n",
      'src/http/b.test.ts': '',
    })
    assert.deepEqual(found, [
      'src/http/a.ts:1 imports a computed name, which cannot be checked',
      'src/http/a.ts:2 imports ./gone.ts, which does not exist',
      'src/http/a.ts:3 imports /etc/x.ts by its absolute path',
      'src/http/a.ts:4 imports src/http/b.test.ts: no file imports a test',
    ])
  })

  test('reports an unreadable file instead of passing it', () => {
    assert.deepEqual(findIn({ 'src/http/a.ts': "\nconst a = 'never\nends'\n" }), [
      'src/http/a.ts:1 cannot be read: line 2: a string does not end',
    ])
  })
})

describe('the reader of imports', () => {
  const specifiers = (source: string) => readImports(source).map((one) => one.specifier)

  test('is not misled by comments, strings, templates, regular expressions and members', () => {
    const source = [
      "// import 'a'",
      "/* import 'b' */",
      `const s = "import 'c'"; const t = \`import 'd' \${1} import 'e'\``,
      "const r = /import 'f'/g.test(s) ? 4 / 2 / 1 : [/['\"`]/]",
      "loader.import('g'); const o = { import: 'h' }; import.meta.url",
      "export const from = 'i'; export { s }",
      "import 'real'",
    ]
    assert.deepEqual(specifiers(source.join('\n')), ['real'])
  })

  test('counts lines through comments and templates', () => {
    assert.deepEqual(readImports(`/*\n\n*/ \`\n\${1}\n\`\nimport 'x'`), [{ specifier: 'x', line: 6, kind: 'module' }])
  })

  test('throws on a comment, template or regular expression that does not end', () => {
    for (const source of ['/* ', '`a ', 'x = /a', 'import { a }'])
      assert.throws(() => readImports(source), /^Error: line 1/)
  })
})

test('a read of the environment is found in every form', () => {
  const source = [
    'process.env.A',
    "process['env']",
    'const { env } = process',
    "import { env } from 'node:process'",
    "import('process')",
    'process?.env',
    'const alias = process',
  ]
  assert.deepEqual(readsEnvironment(source.join('\n')), [1, 2, 3, 4, 5, 6, 7])
  assert.deepEqual(readsEnvironment("process.argv; process.pid; x = process.exit; const p = 'process.env'; a.env"), [])
})
