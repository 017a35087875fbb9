import { globSync, readFileSync } from 'node:fs'
import { join, sep } from 'node:path'
import { PROJECT_ROOT } from './boundaries.ts'
import { findCollisions, findRetiredUses, readGlossary } from './glossary.ts'

const FILES = '{src,test,scripts,bench,contracts,examples,console/src}/**/*.ts'

const read = (file: string) => readFileSync(join(PROJECT_ROOT, file), 'utf8')
const glossary = readGlossary(read('docs/glossary.md'))
const files = globSync(FILES, { cwd: PROJECT_ROOT, exclude: (name) => name === 'node_modules' })
  .map((file) => file.split(sep).join('/'))
  .sort()
const collisions = findCollisions(glossary)
const uses = files.flatMap((file) => findRetiredUses(file, read(file), glossary.retired))

for (const collision of collisions) console.log(collision)
for (const { file, line, name, word, instead } of uses) console.log(`${file}:${line} ${name}: "${word}" is ${instead}`)
console.log(`${glossary.entries.length} words, ${glossary.retired.length} retired ones, ${files.length} files`)
// A check that reads nothing must not pass.
const hasRead = glossary.entries.length > 0 && glossary.retired.length > 0 && files.length > 0
process.exitCode = collisions.length + uses.length === 0 && hasRead ? 0 : 1
