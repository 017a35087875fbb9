// npm run demo:rollout: 200 scripted clients, twelve of which break on IAM, and one rollout that moves the others.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { findPostgres, startPrivatePostgres } from '../../scripts/private-postgres.ts'
import { Random } from '../storm/random.ts'
import { runDemo } from './demo.ts'
import { fullScale } from './scale.ts'

const HELP = `npm run demo:rollout -- [options]

Starts the whole system with 200 scripted clients, from ten requests a day to several a second (time is compressed),
and one rollout to 100 %. Ten clients break on IAM in ten ways, two more only after an hour. Prints what the rollout
did: which applications it moved and which it took back, why, after how many outcomes, and how long it took until all
of their traffic was back. Exit code 1 if the rollout did not end with exactly the broken clients excluded.

  --clients N     number of clients, twelve of which break (default 200)
  --minutes N     when to give up (default 30)
  --seed S        the same seed makes the same clients (default 1)
  --store STORE   embedded or postgres (default: postgres where there is one)
  --keep          keeps the logs of all parts
  --photographs DIR
                  writes screenshots of the console there in the middle of the rollout, as docs/images/ holds them
`

const { values } = parseArgs({
  options: {
    clients: { type: 'string', default: '200' },
    minutes: { type: 'string', default: '30' },
    seed: { type: 'string', default: '1' },
    store: { type: 'string' },
    keep: { type: 'boolean', default: false },
    photographs: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

async function main(): Promise<number> {
  if (values.help) {
    process.stdout.write(HELP)
    return 0
  }
  const binaries = values.store === 'embedded' ? undefined : findPostgres()
  if (values.store === 'postgres' && binaries === undefined) throw new RangeError('no PostgreSQL server found')
  const directory = mkdtempSync(join(tmpdir(), 'handover-rollout-'))
  const postgres = binaries === undefined ? undefined : await startPrivatePostgres(binaries)
  try {
    const { isExpected } = await runDemo({
      ...{ directory, databaseUrl: postgres?.url, say },
      scale: fullScale(numberOf('clients', values.clients)),
      limitMs: numberOf('minutes', values.minutes) * 60_000,
      random: new Random(numberOf('seed', values.seed)),
      photographs: values.photographs,
    })
    return isExpected ? 0 : 1
  } finally {
    await postgres?.stop()
    if (values.keep) say(`The logs are kept in ${directory}.`)
    else rmSync(directory, { recursive: true, force: true })
  }
}

function numberOf(name: string, text: string): number {
  const value = Number(text)
  if (!Number.isFinite(value) || value <= 0) throw new RangeError(`--${name} must be a positive number, not ${text}`)
  return value
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

process.exitCode = await main().catch((error: unknown) => {
  process.stderr.write(`demo: ${error instanceof RangeError ? error.message : String((error as Error).stack)}\n`)
  return 2
})
