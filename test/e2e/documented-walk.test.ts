import assert from 'node:assert/strict'
import { globSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { shellBlocks } from '../documented-commands.ts'
import { ROOT, startProgram } from '../support/program.ts'
import { scratchDirectory } from '../support/scratch.ts'
import { eventually } from '../support/wait.ts'
import { type System, startUp, untilReplicated } from './system.ts'

/** The values that a reader substitutes in a page: read from the running system during the walk. */
type Values = Readonly<Record<string, string | (() => Promise<string>)>>

interface Page {
  readonly page: string
  readonly values?: Values
  /**
   * Commands that match are skipped: they start what is already running, prompt on a terminal, or call something absent
   * here.
   */
  readonly except?: RegExp
}

const scratch = scratchDirectory('walk')
let system: System

/** Runs a text as a reader would, in a directory with the `data` of the running system. */
async function shell(text: string): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const inherited = Object.keys(process.env).filter((name) => /^(HANDOVER_|NODE_)/.test(name))
  const env = {
    ...Object.fromEntries(inherited.map((name) => [name, undefined])),
    ...{ PATH: `${join(scratch.path, 'bin')}:${process.env['PATH']}`, HANDOVER_SKIP_SETUP: '1' },
  }
  const program = await startProgram({ command: 'sh', args: ['-euc', text], cwd: scratch.path, env })
  const { code } = await program.ended
  return { code, stdout: program.stdout.text(), stderr: program.stderr.text() }
}

async function ask(command: string): Promise<Record<string, never>> {
  const { code, stdout, stderr } = await shell(`handover ${command} --json`)
  assert.equal(code, 0, `${command}: ${stderr}`)
  return JSON.parse(stdout) as Record<string, never>
}

/** The most recent entry of the audit log that changed the flag. */
async function lastChange(): Promise<{ number: number; hash: string }> {
  const { entries } = (await ask('audit list --production --subject proxy_oauth_requests_to_iam_service')) as {
    entries?: Array<{ number: number; hash: string }>
  }
  return entries?.[0] ?? assert.fail('no change in the audit log')
}

const clientId = async () => {
  const { applications } = (await (
    await fetch(`${system.controlUrl}/api/v1/applications`, { headers: { 'private-token': adminToken() } })
  ).json()) as { applications: Array<{ id: number; client_id: string }> }
  return applications.find(({ id }) => id === 1)?.client_id ?? assert.fail('no application 1')
}
const adminToken = () => readFileSync(join(system.dataDir, 'admin-token'), 'utf8').trim()

/** In this order: each page leaves the system in a state the next one expects. */
const PAGES: readonly Page[] = [
  { page: 'README.md', except: /^npm (start|test)|handover (control|gateway) --listen/ },
  { page: 'docs/how-to/after-a-rollback.md', values: { CLIENT_ID: clientId }, except: /revoke \d+$/ },
  {
    page: 'docs/how-to/audit.md',
    values: {
      118: async () => String((await lastChange()).number),
      '5f0c…': async () => (await lastChange()).hash,
    },
  },
  { page: 'docs/how-to/side-effects.md', except: /effects (retry|drop)/ },
  { page: 'docs/how-to/chatops.md', values: { 42: '1' }, except: /control\.example/ },
  {
    page: 'docs/how-to/give-access.md',
    values: {
      7: async () => {
        const { tokens } = (await ask('token list')) as { tokens?: Array<{ id: number; name: string }> }
        return String(tokens?.find(({ name }) => name === 'olga')?.id ?? '7')
      },
    },
  },
  {
    page: 'docs/how-to/put-your-own-rails-behind-it.md',
    values: { '<client_id>': clientId, '<id>': '1' },
    except: /^handover (gateway|iam|control) /,
  },
  {
    page: 'docs/how-to/use-your-own-proxy.md',
    values: {
      'http://127.0.0.1:8080': async () => system.controlUrl,
      'gateway-token': 'data/gateway-token',
      YOUR_CLIENT: clientId,
    },
  },
  {
    page: 'docs/how-to/rotate-signing-keys.md',
    values: {
      KID: async () => {
        const { keys } = (await ask('keys list')) as { keys?: Array<{ kid: string; state: string }> }
        return keys?.find(({ state }) => state === 'next')?.kid ?? keys?.at(-1)?.kid ?? assert.fail('no key')
      },
    },
  },
]

/** Why the commands of a page are not run here. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  'CONTRIBUTING.md': 'they run the tests and checks themselves',
  'docs/how-to/add-a-doorkeeper-version.md': 'they record a Doorkeeper that is not here',
  'docs/how-to/deploy.md':
    'test/deploy/systemd-walk.test.ts runs those for systemd; the others need Docker or Kubernetes',
  'docs/how-to/haproxy-data-plane.md':
    'they serve until they are stopped; src/data-plane/front.test.ts starts the same parts',
  'docs/how-to/harden-an-application.md': 'the command leaves out what the reader has',
  'docs/how-to/observe.md': 'they need Elasticsearch, Kibana and a collector',
  'docs/how-to/release.md': 'test/package.test.ts packs and installs',
  'docs/how-to/probe-with-twins.md': 'test/e2e/probes.test.ts runs them',
  'docs/how-to/retire-a-flag.md': 'the flag that they create is known at the next start only',
  'docs/how-to/run-a-rollout.md':
    'its steps last minutes and wait for people; src/cli/commands/rollout/rollout.test.ts runs each command',
  'docs/how-to/work-through-the-checklist.md': 'test/e2e/probes.test.ts runs them',
  'examples/doorkeeper/README.md':
    'they install packages; examples/doorkeeper/doorkeeper.test.ts starts the same parts',
}

test('every page with commands is walked, or listed here with a reason', () => {
  const documents = globSync(['*.md', 'docs/**/*.md', 'examples/**/*.md'], { cwd: ROOT }).filter(
    (document) => shellBlocks(readFileSync(join(ROOT, document), 'utf8')).length > 0,
  )
  assert.deepEqual(documents.sort(), [...PAGES.map(({ page }) => page), ...Object.keys(ELSEWHERE)].sort())
})

describe('the commands of the documents, on a running system', () => {
  before(async () => {
    system = await startUp()
    await untilReplicated(system, 1)
    symlinkSync(system.dataDir, join(scratch.path, 'data'))
    mkdirSync(join(scratch.path, 'bin'))
    const command = join(scratch.path, 'bin', 'handover')
    writeFileSync(command, `#!/bin/sh\nexec '${join(ROOT, 'bin', 'handover')}' "$@"\n`, { mode: 0o755 })
    await eventually('it can be asked', async () => (await shell('handover flag list')).code === 0)
  })
  after(async () => {
    await system?.stop()
    scratch.remove()
  })

  for (const { page, values = {}, except } of PAGES) {
    test(`${page}: each command does what the page says, and prints what it shows`, async () => {
      const blocks = shellBlocks(readFileSync(join(ROOT, page), 'utf8'))
      assert.ok(blocks.length > 0, 'nothing to run')
      for (const { text, prints, line } of blocks) {
        // Line by line, so that the values of a line reflect the changes made by earlier lines.
        for (const command of text.replaceAll(/\\\n\s*/g, '').split('\n')) {
          if (command === '' || except?.test(command)) continue
          let typed = command
          for (const [shown, value] of Object.entries(values)) {
            if (typed.includes(shown))
              typed = typed.replaceAll(shown, typeof value === 'string' ? value : await value())
          }
          const { code, stdout, stderr } = await shell(typed)
          assert.equal(code, 0, `${page}:${line}: ${typed}\n${stdout}\n${stderr}`)
          if (typed.startsWith('curl -si')) assert.match(stdout, /^HTTP\/1\.1 20\d /, stdout)
          // A page shows the beginning of the output, or all of it.
          if (prints !== undefined) assert.ok(stdout.startsWith(prints), `${page}:${line}: it prints\n${stdout}`)
        }
      }
    })
  }
})
