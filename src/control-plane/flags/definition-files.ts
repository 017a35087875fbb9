import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, sep } from 'node:path'
import { type DefinitionFile, type Definitions, readDefinitions } from '../../flags/index.ts'
import { ControlPlaneFault } from '../state/control-plane-fault.ts'

/**
 * Reads every definition below `directory`, except hidden files. Throws {@link ControlPlaneFault} with all faults if a
 * file is invalid, cannot be read or is not a regular file: reading a named pipe or a device may never end.
 */
export function loadDefinitions(directory: string): Definitions {
  const faults: string[] = []
  const read = readDefinitions(readFiles(directory, faults))
  if ('faults' in read) faults.push(...read.faults)
  if (faults.length > 0 || 'faults' in read) {
    throw new ControlPlaneFault(faults.map((fault) => `${directory}/${fault}`))
  }
  return read
}

function readFiles(directory: string, faults: string[]): DefinitionFile[] {
  const files: DefinitionFile[] = []
  let names: string[]
  try {
    names = readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => !entry.isDirectory() && !entry.name.startsWith('.'))
      .map((entry) =>
        join(entry.parentPath, entry.name).slice(directory.length).replaceAll(sep, '/').replace(/^\/+/, ''),
      )
  } catch (error) {
    throw new ControlPlaneFault(
      [`flag definitions: ${directory} cannot be read (${(error as NodeJS.ErrnoException).code})`],
      { cause: error },
    )
  }
  for (const name of names.sort()) {
    try {
      if (statSync(join(directory, name)).isFile())
        files.push({ path: name, text: readFileSync(join(directory, name), 'utf8') })
      else faults.push(`${name}: must be a regular file`)
    } catch (error) {
      faults.push(`${name}: cannot be read (${(error as NodeJS.ErrnoException).code})`)
    }
  }
  return files
}
