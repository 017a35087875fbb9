import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { judge } from './judge.ts'
import { recordScenario } from './record.ts'
import { comparedPart, RECORDED, type RecordedScenario, readRecording, VERSIONS, type Version } from './recording.ts'
import { listScenarios } from './scenario.ts'
import { ALL_SETS } from './scenarios/all.ts'
import { readSeed } from './seed.ts'
import { sendTo } from './transport.ts'

const USAGE = `Usage: npm run contract -- --base URL [options]

Plays the recorded scenarios against a server that holds the users and applications of test/fixtures/seed.json, and
compares what it answers with what real Doorkeeper did. Exit code 0 without differences, 1 with some, 2 for faulty options.

  --base URL     The server. It should have the test controls POST /__lab/reset and POST /__lab/advance?seconds=N;
                 without the first, consent of one scenario shows in the next; without the second some cannot be played.
  --version V    What to compare with; the first when left out:
${VERSIONS.map((version) => `                 ${version}: ${RECORDED[version]}`).join('\n')}
  --handoff      Sign-in and consent are handed off to another server of that origin: walk there as a browser does, and
                 compare what the client and the user see.
  --only REGEX   Only the scenarios whose id matches.
  --out FILE     Write what the server answered, as a recording holds it.
  --help         This text.
`

interface Options {
  readonly base: URL
  readonly version: Version
  readonly handsOff: boolean
  readonly only: RegExp
  readonly out: string | undefined
}

function readOptions(args: readonly string[]): Options | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      base: { type: 'string' },
      version: { type: 'string', default: '5.9' },
      handoff: { type: 'boolean', default: false },
      only: { type: 'string', default: '' },
      out: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return 'help'
  if (values.base === undefined) throw new Error('--base is missing')
  const version = VERSIONS.find((one) => one === values.version)
  if (version === undefined) throw new Error(`--version must be one of ${VERSIONS.join(', ')}`)
  const { base, handoff: handsOff, only, out } = values
  return { base: new URL(base), version, handsOff, only: new RegExp(only), out }
}

async function run({ base, version, handsOff, only, out }: Options): Promise<number> {
  const seed = readSeed()
  const target = { base, seed, send: sendTo(base), handsOff }
  const recording = readRecording(version)
  const answers: RecordedScenario[] = []
  let steps = 0
  let deliberate = 0
  let failing = 0
  for (const scenario of listScenarios(ALL_SETS, seed).filter(({ id }) => only.test(id))) {
    const answer = await recordScenario(scenario, target)
    answers.push(answer)
    const verdict = judge(recording, answer, { version, handsOff })
    steps += verdict.steps
    deliberate += verdict.deliberate
    if (verdict.faults.length === 0) continue
    failing++
    console.log([`${scenario.id} ${scenario.title}`, ...verdict.faults.map((fault) => `  ${fault}`)].join('\n'))
  }
  if (out !== undefined) writeFileSync(out, `${JSON.stringify(answers.map(comparedPart), null, 1)}\n`)
  console.log(
    `${answers.length} scenarios, ${steps} steps compared: ${failing} scenarios differ, ${deliberate} deliberate differences`,
  )
  return failing > 0 || answers.length === 0 ? 1 : 0
}

async function main(): Promise<number> {
  let options: Options | 'help'
  try {
    options = readOptions(process.argv.slice(2))
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${USAGE}`)
    return 2
  }
  if (options !== 'help') return run(options)
  console.log(USAGE)
  return 0
}

process.exitCode = await main()
