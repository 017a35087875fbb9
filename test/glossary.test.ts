import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { findCollisions, findRetiredUses, readGlossary } from '../scripts/glossary.ts'

const GLOSSARY = `
| word | what it means here |
|---|---|
| **flow** | all the requests of one authorization |
| **issuer** (of a credential) | the side that issued it |

| word | use instead |
|---|---|
| courier | dispatcher |
| lane | fast path |
`

describe('the glossary', () => {
  test('is read with the lines of its entries and the replacements of retired words', () => {
    assert.deepEqual(readGlossary(GLOSSARY), {
      entries: [
        { word: 'flow', line: 4 },
        { word: 'issuer', line: 5 },
      ],
      retired: [
        { word: 'courier', instead: 'dispatcher' },
        { word: 'lane', instead: 'fast path' },
      ],
    })
    assert.deepEqual(findCollisions(readGlossary(GLOSSARY)), [])
  })

  test('must not give a word two meanings, nor a meaning to a retired word', () => {
    const twice = `${GLOSSARY}| **Issuer** (of a token) | the URL |\n| **lane** | a connection |\n`
    assert.deepEqual(findCollisions(readGlossary(twice)), [
      'docs/glossary.md:11 "issuer" has another meaning in line 5',
      'docs/glossary.md:12 "lane" is also listed as retired',
    ])
  })
})

describe('a retired word', () => {
  const { retired } = readGlossary(GLOSSARY)
  const named = (file: string, source: string) =>
    findRetiredUses(file, source, retired).map(({ line, name, instead }) => `${line} ${name}: ${instead}`)

  test('is found as a part of an identifier, in every spelling, and in the name of a file', () => {
    const source = `const fastLane = 1\nclass Courier {}\nconst MAX_LANES = \`\${courierOf(a)}\``
    assert.deepEqual(named('src/a.ts', source), [
      '1 fastLane: fast path',
      '2 Courier: dispatcher',
      '3 MAX_LANES: fast path',
      '3 courierOf: dispatcher',
    ])
    assert.deepEqual(named('src/plain-lane.ts', ''), ['0 plain-lane.ts: fast path'])
  })

  test('is not found in comments, strings and longer words', () => {
    assert.deepEqual(named('src/a.ts', "// the lane\nconst planet = 'courier'\nopenControlPlane()"), [])
  })
})
