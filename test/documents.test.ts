import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'
import { ROOT } from './support/program.ts'

const documents = globSync(['*.md', 'docs/**/*.md', 'examples/**/*.md'], { cwd: ROOT }).sort()
const read = (document: string) => readFileSync(join(ROOT, document), 'utf8')

describe('the documents', () => {
  test('link only to targets that exist', () => {
    assert.ok(documents.length > 10)
    const broken = documents.flatMap((document) =>
      Array.from(read(document).matchAll(/\]\(([^)#\s]+)[^)]*\)/g), ([, target = '']) => target)
        .filter((target) => !/^[a-z]+:/.test(target))
        .filter((target) => !existsSync(join(ROOT, dirname(document), target)))
        .map((target) => `${document}: ${target}`),
    )
    assert.deepEqual(broken, [])
  })

  test('name only files of this repository that exist', () => {
    const named =
      /`((?:src|test|scripts|docs|bench|examples|flags|observability)\/[\w./-]+\.(?:ts|mjs|sh|md|yml|rb|json))`/g
    const missing = documents.flatMap((document) =>
      Array.from(read(document).matchAll(named), ([, file = '']) => file)
        .filter((file) => !existsSync(join(ROOT, file)))
        .map((file) => `${document}: ${file}`),
    )
    assert.deepEqual(missing, [])
  })

  test('keep the README under 200 lines', () => {
    assert.ok(read('README.md').split('\n').length < 200)
  })

  test('state the context, decision, consequences and check of every decision', () => {
    const decisions = documents.filter((document) => document.startsWith('docs/adr/'))
    assert.ok(decisions.length >= 7)
    for (const decision of decisions) {
      const headings = Array.from(read(decision).matchAll(/^## (.+)$/gm), ([, heading]) => heading)
      assert.deepEqual(headings, ['Context', 'Decision', 'Consequences', 'How it is checked'], decision)
    }
  })
})
