import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { main } from '../src/cli/index.ts'
import { ConfigError, loadSettings, type Section, sections } from '../src/config/index.ts'
import { commandsIn, type DocumentedCommand, documentedCommands, shellWords } from './documented-commands.ts'
import { ROOT } from './support/program.ts'
import { scratchDirectory } from './support/scratch.ts'

/** Substitutes for placeholders, by their text. */
const PLACEHOLDERS: ReadonlyArray<readonly [RegExp, string]> = [
  [/\b(?:ID|N|NUMBER)\b|<(?:id|number|n)>/g, '1'],
  [/postgres:\/\/…/g, 'postgres://user@127.0.0.1/handover'],
  [/…/g, '0'],
]
/** The form of a fault in the command line itself; other faults concern what was omitted. */
const WRONG_OPTION = /unknown|unexpected|given twice/

describe('every command line of handover in a document', () => {
  const scratch = scratchDirectory('documented')
  const token = join(scratch.path, 'token')
  const definitions = join(scratch.path, 'flags')
  const rolloutPlan = join(scratch.path, 'wave-1.yaml')
  // A valid command sends a request to this server, and reports its refusal with exit code 1.
  const refusing = createServer((_request, response) => response.writeHead(503).end())
  let url = ''
  before(async () => {
    writeFileSync(token, 'a-token')
    mkdirSync(definitions)
    // The plan that the page on rollouts shows is one that the commands accept.
    const page = readFileSync(join(ROOT, 'docs', 'how-to', 'run-a-rollout.md'), 'utf8')
    writeFileSync(rolloutPlan, /```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? assert.fail('the page shows no plan'))
    await new Promise<void>((done) => refusing.listen(0, '127.0.0.1', done))
    url = `http://127.0.0.1:${(refusing.address() as AddressInfo).port}`
  })
  after(() => {
    refusing.close()
    scratch.remove()
  })

  /** What is wrong with a command line, according to the command's own parser; undefined if nothing is. */
  async function faultOf({ args, isComplete }: DocumentedCommand): Promise<string | undefined> {
    const [name = '', ...given] = args
    const rest = given.map((word) => PLACEHOLDERS.reduce((text, [what, value]) => text.replaceAll(what, value), word))
    if (Object.hasOwn(sections, name)) return faultOfSettings(name as Section, rest, isComplete)
    // It takes the options of a gateway, and would start one.
    if (name === 'dataplane' && rest[0] === 'haproxy')
      return faultOfSettings('gateway', withoutHaproxy(rest), isComplete)
    const local: Record<string, string> = {
      '--control-url': url,
      '--iam-url': url,
      '--token-file': token,
      '--path': definitions,
    }
    const used = rest.map((word, at) => (word === 'wave-1.yaml' ? rolloutPlan : (local[rest[at - 1] ?? ''] ?? word)))
    if (name === 'flag' && used[0] === 'new') used.push('--definitions-dir', definitions)
    const isLone = !used.some((word) => word.startsWith('-')) && !isComplete
    let said = ''
    const write = (text: string) => {
      said += text
    }
    const env = {
      ...{ HANDOVER_CONTROL_URL: url, HANDOVER_TOKEN_FILE: token },
      ...{ HANDOVER_IAM_INTERNAL_URL: url, HANDOVER_IAM_INTERNAL_TOKEN_FILE: token },
    }
    const io = { stdout: { write }, stderr: { write }, env }
    const code = await main([name, ...used, ...(isComplete ? [] : ['--help'])], io)
    if (code === 2) return said
    const action = used[0]
    const isUnknown =
      isLone && action !== undefined && name !== 'chatops' && !new RegExp(`(?<![-\\w])${action}(?![-\\w])`).test(said)
    return isUnknown ? `its help does not name ${action}` : undefined
  }

  test('is one that the command accepts', async () => {
    const commands = documentedCommands()
    assert.ok(commands.length > 60, `${commands.length}`)
    const faults: string[] = []
    for (const command of commands) {
      const fault = await faultOf(command)
      if (fault !== undefined) faults.push(`${command.at}: ${command.text}\n    ${fault}`)
    }
    assert.deepEqual(faults, [])
  })

  test('would be reported with an unknown command, action or option', async () => {
    const wrong = [
      'handover flags set x true',
      'handover flag set x true --percent=3',
      'handover brake pull',
      'handover audit --action history.lost',
      'handover gateway --listen 127.0.0.1:0 --legacy http://a --iam-url http://b',
      'handover dataplane haproxy --listen 127.0.0.1:0 --legacy http://a --iam-url http://b',
    ]
    for (const line of wrong) {
      const [command] = commandsIn('a.md', `\`\`\`sh\n${line}\n\`\`\``)
      assert.ok(command !== undefined && (await faultOf(command)) !== undefined, line)
    }
    const [named] = commandsIn('a.md', 'See `handover flag remove`.')
    assert.match((named && (await faultOf(named))) ?? '', /does not name remove/)
  })
})

/** The options of `handover dataplane haproxy` that a gateway takes too. */
function withoutHaproxy([, ...options]: readonly string[]): string[] {
  return options.filter(
    (word, at) => !word.startsWith('--haproxy') && !/^--haproxy(?:-bind)?$/.test(options[at - 1] ?? ''),
  )
}

function faultOfSettings(section: Section, args: readonly string[], isComplete: boolean): string | undefined {
  try {
    loadSettings(section, { args, env: {} })
    return undefined
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    // The files that a command names belong to the reader.
    const faults = error.faults.filter((fault) => !/cannot be read \(ENOENT\)$/.test(fault))
    return faults.find((fault) => isComplete || WRONG_OPTION.test(fault))
  }
}

test('a command ends where the shell ends it', () => {
  assert.deepEqual(shellWords(`handover a 'b c' "d \\"e" f\\ g --x=<id> | jq .`), [
    ...['handover', 'a', 'b c', 'd "e', 'f g', '--x=<id>'],
  ])
  assert.deepEqual(shellWords('handover audit export > audit.jsonl'), ['handover', 'audit', 'export'])
  assert.deepEqual(shellWords('handover credentials revoke 1   # or its client_id'), [
    'handover',
    'credentials',
    'revoke',
    '1',
  ])
  assert.deepEqual(shellWords('handover up &'), ['handover', 'up'])
})
