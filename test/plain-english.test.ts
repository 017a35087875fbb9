import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { findOldRegister, judgeUses, OLD_REGISTER } from '../scripts/plain-english.ts'
import { readProse } from '../scripts/read-prose.ts'

const hits = (file: string, ...lines: string[]) =>
  findOldRegister(file, readProse(file, lines.join('\n'))).map(({ line, found }) => `${line} ${found}`)

describe('the check of plain English', () => {
  test('finds old phrases in Markdown, also across a line break and in any case', () => {
    const text = ['# The way back', '', 'A client is told to come', 'again.', '', '> So', '> many are left.']
    assert.deepEqual(hits('docs/a.md', ...text), ['1 way back', '3 come again', '3 told', '6 So many'])
  })

  test('finds them in comments, with the line of the phrase', () => {
    const source = ['/**', ' * Reads it', ' * anew.', ' */', 'const a = 1 // whoever', '// what is under', '// way']
    assert.deepEqual(hits('bench/a.ts', ...source), ['3 anew', '5 whoever', '6 under way'])
  })

  test('finds them in the messages of src and in the names of tests', () => {
    const template = `const b = \`told \${a} and passed over \${b}, as nobody knows\``
    const source = ["const a = 'somebody else'", template]
    assert.deepEqual(hits('src/a.ts', ...source), ['1 somebody', '2 nobody', '2 passed over', '2 told'])
    assert.deepEqual(hits('scripts/a.ts', ...source), [])
    const tests = ["describe.skip('nobody', () => {})", `test(\`lives on as \${a}\`, f)`, "call('nobody comes again')"]
    assert.deepEqual(hits('test/a.test.ts', ...tests), ['1 nobody', '2 lives on'])
  })

  test('ignores code, names, and words that only contain a phrase', () => {
    assert.deepEqual(hits('docs/a.md', 'Run `told anew`.', '```', 'so many', '```', 'besides, they foretold it'), [])
    assert.deepEqual(hits('src/a.ts', '// returns `nobody`', "const a = 'nobody'", 'const told = anew()'), [])
    assert.deepEqual(hits('src/a.json', '{ "a": "so many" }'), [])
  })

  test('does not flag plain uses of the same words', () => {
    assert.deepEqual(hits('docs/a.md', 'So many that it fails; for so long as it lasts; one of our own pages.'), [])
  })

  test('reports the place, the words and the plain wording', () => {
    assert.deepEqual(findOldRegister('a.md', [{ text: 'x\nIt goes\nby y', line: 4 }]), [
      { file: 'a.md', line: 5, found: 'goes by', phrase: '(?:goes|gone|going|went) by', instead: 'use, depend on' },
    ])
  })

  test('accepts allowed uses in their file, and names the ones that no file needs', () => {
    const uses = ['a.md', 'b.md'].flatMap((file) => findOldRegister(file, readProse(file, 'told')))
    const inA = { file: 'a.md', phrase: 'told', why: 'a quotation' }
    const inC = { ...inA, file: 'c.md' }
    const { faults, unused } = judgeUses(uses, [inA, inC])
    assert.deepEqual([faults.map(({ file }) => file), unused], [['b.md'], [inC]])
  })

  test('lists each phrase once, in a form that can be searched for', () => {
    const phrases = OLD_REGISTER.map(({ phrase }) => phrase)
    assert.equal(new Set(phrases).size, phrases.length)
    for (const phrase of phrases) assert.doesNotThrow(() => new RegExp(phrase))
  })
})
