import { globSync, readFileSync } from 'node:fs'
import { join, sep } from 'node:path'
import { PROJECT_ROOT } from './boundaries.ts'
import { findOldRegister, judgeUses } from './plain-english.ts'
import { readProse } from './read-prose.ts'

/** The change log is left out: its entries are history, in the words of their time. */
const FILES = [
  '!(CHANGELOG).md',
  'docs/**/*.md',
  '{src,test,scripts,bench,contracts,examples,console/src}/**/*.{ts,tsx,md}',
]

const files = globSync(FILES, { cwd: PROJECT_ROOT, exclude: (name) => name === 'node_modules' })
  .map((file) => file.split(sep).join('/'))
  .sort()
const uses = files.flatMap((file) =>
  findOldRegister(file, readProse(file, readFileSync(join(PROJECT_ROOT, file), 'utf8'))),
)
const { faults, unused } = judgeUses(uses)

for (const { file, line, found, instead } of faults) console.log(`${file}:${line} "${found}": ${instead}`)
for (const { file, phrase } of unused) console.log(`${file} no longer uses "${phrase}": remove the allowed use`)
console.log(`${faults.length} uses of the old register in ${files.length} files`)
// A check that reads nothing must not pass.
process.exitCode = faults.length + unused.length === 0 && files.length > 0 ? 0 : 1
