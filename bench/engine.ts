import { parseArgs } from 'node:util'
import { createLog } from '../src/observability/index.ts'
import { openDatabase } from '../src/storage/index.ts'
import { scratchDirectory } from '../test/support/scratch.ts'

const STATEMENTS = 20

/** Repeatedly opens an embedded database, writes to it and closes it. Prints times, and each crash as it happens. */
export async function benchEngine(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...args], options: { cycles: { type: 'string', default: '500' } } })
  const cycles = Number(values.cycles)
  const scratch = scratchDirectory('bench-engine')
  const times = { open: [] as number[], write: [] as number[], close: [] as number[] }
  let crashes = 0
  const write = (line: string) => {
    if (!/"level":"(?:warn|error)"/.test(line)) return
    process.stderr.write(line)
    if (/crashed|stopped/.test(line)) crashes++
  }
  const log = createLog('bench', { destination: { write } })
  for (let cycle = 1; cycle <= cycles; cycle++) {
    const at = [performance.now()]
    const database = await openDatabase({ kind: 'embedded', dataDir: scratch.path, log })
    at.push(performance.now())
    await database.query('create table if not exists kept (id bigint generated always as identity, text text)')
    for (let n = 0; n < STATEMENTS; n++) await database.query('insert into kept (text) values ($1)', [`${cycle}-${n}`])
    at.push(performance.now())
    await database.close()
    at.push(performance.now())
    for (const [index, name] of (['open', 'write', 'close'] as const).entries()) {
      times[name].push((at[index + 1] ?? 0) - (at[index] ?? 0))
    }
    if (cycle % 50 === 0) console.log(`${cycle} cycles, ${crashes} crashes`)
  }
  for (const [name, all] of Object.entries(times)) {
    const sorted = all.sort((a, b) => a - b)
    console.log(`${name}: p50 ${sorted[cycles >> 1]?.toFixed(1)} ms, longest ${sorted.at(-1)?.toFixed(1)} ms`)
  }
  scratch.remove()
}
