// Finds a Node that is new enough: the one that runs this file, or the one that a package carries. Keeps to what Node 14
// can parse, since an old Node must get as far as the message that says what is missing.
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

export const NEEDED_MAJOR = 24

/** The path of a Node of at least {@link NEEDED_MAJOR} for code in `root`; undefined when there is none. */
export function findNode(root) {
  if (Number(process.versions.node.split('.')[0]) >= NEEDED_MAJOR) return process.execPath
  const name = `node-${process.platform}-${process.arch}`
  // An installed package may have its dependencies beside itself instead of below itself.
  for (const folder of createRequire(join(root, 'package.json')).resolve.paths(name) || []) {
    const carried = join(folder, name, 'bin', 'node')
    if (existsSync(carried)) return carried
  }
  return undefined
}

export function noNodeMessage() {
  const here = `${process.platform}-${process.arch}`
  return `needs Node ${NEEDED_MAJOR} or newer; no package carries one that runs on ${here}, install it and try again (this is ${process.version})`
}

const self = fileURLToPath(import.meta.url)
if (process.argv[1] !== undefined && resolve(process.argv[1]) === self) {
  const node = findNode(dirname(dirname(self)))
  if (node === undefined) {
    process.stderr.write(`handover: ${noNodeMessage()}\n`)
    process.exit(2)
  }
  process.stdout.write(`${node}\n`)
}
