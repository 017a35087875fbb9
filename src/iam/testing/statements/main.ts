// Prints PostgreSQL's plan of every statement. Arguments: the URL of an empty database, tokens, backlog.
import { measureStatements } from './measure.ts'

const [url = '', tokens, backlog] = process.argv.slice(2)
const { explained, faults, purge } = await measureStatements(url, { tokens: Number(tokens), backlog: Number(backlog) })
const print = (text: string) => process.stdout.write(`${text}\n`)
print('      ms   pages  statement')
for (const { milliseconds, pages, text } of explained.sort((a, b) => b.milliseconds - a.milliseconds)) {
  const brief = text.replaceAll(/\s+/g, ' ').slice(0, 110)
  print(`${milliseconds.toFixed(3).padStart(8)}${String(pages).padStart(8)}  ${brief}`)
}
const { rows, seconds, probes, slowestProbeMs } = purge
print(`\n${rows} expired rows removed in ${seconds.toFixed(1)} s: ${Math.round(rows / seconds)} rows/s`)
print(`in the meantime, the slowest of ${probes} look-ups took ${slowestProbeMs.toFixed(1)} ms`)
for (const fault of faults) print(`FAULT: ${fault}`)
process.exitCode = faults.length > 0 ? 1 : 0
