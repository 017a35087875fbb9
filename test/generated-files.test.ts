import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { generatedFiles } from '../scripts/generated-files.ts'
import { ROOT } from './support/program.ts'

for (const [path, content] of generatedFiles()) {
  test(`${path} matches its source; npm run generate writes it`, () => {
    assert.equal(readFileSync(`${ROOT}/${path}`, 'utf8'), content)
  })
}
