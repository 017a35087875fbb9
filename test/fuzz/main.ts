// npm run fuzz: see the help below.
import { parseArgs } from 'node:util'
import { type FuzzResult, fuzz, type Subject } from './fuzz.ts'

const HELP = `npm run fuzz -- [OPTION]...

Compares what the fast path reads with what llhttp, the parser behind node:http, reads: random and broken requests of
clients and responses of upstreams, in one process. The fast path must never accept what llhttp refuses, nor read an
accepted message differently. The exit code is 1 at the first difference.

  --cases N           how many of each (1000000)
  --seed N            the same seed gives the same cases (a random one)
  --from N            the number of the first case (0), to repeat one
  --only requests     or responses; both run by default
`

const SUBJECTS: readonly Subject[] = ['requests', 'responses']
/** Progress is reported after this many cases. */
const BATCH = 1_000_000

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    from: { type: 'string', default: '0' },
    only: { type: 'string', multiple: true, default: [] },
    help: { type: 'boolean', short: 'h', default: false },
  },
})

if (values.help) process.stdout.write(HELP)
else run()

function run(): void {
  const [cases, seed, from] = [wholeNumber('cases'), wholeNumber('seed'), wholeNumber('from')]
  const wanted = SUBJECTS.filter((subject) => values.only.length === 0 || values.only.includes(subject))
  if (wanted.length === 0 || Number.isNaN(cases + seed + from)) {
    process.stderr.write('fuzz: --cases, --seed and --from are whole numbers, and --only is requests or responses\n')
    process.exitCode = 2
    return
  }
  for (const subject of wanted) {
    const total = { accepted: 0, left: 0 }
    for (let done = 0; done < cases; done += BATCH) {
      const result = fuzz({ subject, seed, from: from + done, cases: Math.min(BATCH, cases - done) })
      total.accepted += result.accepted
      total.left += result.left
      if (result.fault !== undefined) return reportFault(subject, seed, result.fault)
      if (cases > BATCH) process.stderr.write(`${subject}: ${Math.min(done + BATCH, cases)} of ${cases}\n`)
    }
    const { accepted, left } = total
    console.log(
      `${subject}: ${cases} cases, seed ${seed}: ${accepted} read alike, ${left} left or refused, no difference`,
    )
  }
}

function wholeNumber(name: 'cases' | 'seed' | 'from'): number {
  return /^\d{1,10}$/.test(values[name]) ? Number(values[name]) : Number.NaN
}

function reportFault(
  subject: Subject,
  seed: number,
  { number, bytes, difference }: NonNullable<FuzzResult['fault']>,
): void {
  console.log(`${subject}, seed ${seed}, case ${number} differs: ${difference}`)
  console.log(JSON.stringify(bytes.toString('latin1')))
  console.log(`npm run fuzz -- --only ${subject} --seed ${seed} --from ${number} --cases 1 repeats it`)
  process.exitCode = 1
}
