import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { startTestControlPlane, type TestControlPlane, testApplication } from '../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../test/support/database.ts'
import { scratchDirectory } from '../../../test/support/scratch.ts'
import { eventually } from '../../../test/support/wait.ts'
import { ConfigError, loadSettings } from '../../config/index.ts'
import { type RunningGateway, startGateway } from '../../gateway/index.ts'
import { silentLog } from '../../observability/index.ts'
import type { Command } from '../io.ts'
import { chatOpsSettings } from '../servers/settings/chatops-settings.ts'
import { run as chatops } from './chatops.ts'
import { run as gateways } from './traffic/gateways.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'
const directory = scratchDirectory('chatops').path

function file(name: string, content: string): string {
  const path = join(directory, name)
  writeFileSync(path, content)
  return path
}

function settingsOf(yaml: string) {
  const config = file('handover.yml', yaml)
  const settings = loadSettings('control', { args: ['--config', config], env: {} })
  return chatOpsSettings(settings === 'help' ? undefined : settings.chatops)
}

describe('the section chatops of the configuration', () => {
  const complete = `control:
  data_dir: ${directory}
  chatops:
    production_channel: C101F3796
    production_check: { wait_seconds: 0 }
    weekly_freezes: [{ days: [fri, sat], from: '18:30', until: '08:00', why: weekend }]
    freezes: [{ from: 2026-12-20T00:00:00Z, until: 2027-01-02T00:00:00+01:00, why: holidays }]
    two_person: [production]
    min_step_minutes: 15
    slack:
      signing_secret_file: ${file('signing-secret', 'abc\n')}
      people:
        - { slack_id: U1, name: alice, role: operator }
        - { slack_id: U2, name: bob, role: operator, environments: [staging] }
        - { slack_id: U3, name: victor, role: viewer }
    teams: [{ group: 'group::authentication', webhook_file: ${file('webhook', 'https://hooks.slack.com/services/1\n')} }]
    gitlab: { url: 'https://gitlab.example', project: group/project, environments: { production: gprd } }
`

  test('becomes rules, people, teams and sources', () => {
    const { chatops: given, commits } = settingsOf(complete)
    assert.ok(given)
    assert.equal(given.rules.productionCheck.waitMs, 0)
    assert.equal(given.rules.productionCheck.pollMs, 2_000)
    assert.deepEqual(given.rules.weeklyFreezes, [{ days: [5, 6], from: 1_110, until: 480, why: 'weekend' }])
    assert.deepEqual(given.rules.freezes, [
      { from: Date.UTC(2026, 11, 20), until: Date.UTC(2027, 0, 1, 23), why: 'holidays' },
    ])
    assert.equal(given.rules.minStepMs, 900_000)
    assert.equal(given.slack?.signingSecret, 'abc')
    assert.deepEqual(
      given.slack?.people.map(({ name, mayChange }) => [name, mayChange.length]),
      [
        ['alice', 5],
        ['bob', 1],
        ['victor', 0],
      ],
    )
    assert.deepEqual(given.teams, [{ group: 'group::authentication', webhook: 'https://hooks.slack.com/services/1' }])
    assert.deepEqual(commits?.gitlab?.environments, { production: 'gprd' })
  })

  test('is refused if a secret is unreadable or a webhook uses http; the webhook is not shown', () => {
    const refused = (yaml: string) => {
      try {
        settingsOf(yaml)
      } catch (error) {
        assert.ok(error instanceof ConfigError)
        return error.message
      }
      return ''
    }
    assert.match(refused(complete.replace('signing-secret', 'absent')), /signing_secret_file: .*absent cannot be read/)
    file('webhook', 'http://hooks.example/services/secret-part')
    const said = refused(complete)
    assert.match(said, /webhook_file: .* must hold an https URL/)
    assert.doesNotMatch(said, /secret-part/)
  })
})

describe('handover chatops and handover gateways', () => {
  let store: TestDatabase
  let plane: TestControlPlane
  let gateway: RunningGateway
  before(async () => {
    const [engine] = testDatabases()
    assert.ok(engine)
    store = await engine.open()
    plane = await startTestControlPlane(store.database)
    await plane.announce(testApplication(1))
    gateway = await startGateway(
      {
        listen: { host: '127.0.0.1', port: 0 },
        legacyUrl: 'http://127.0.0.1:9',
        iamUrl: 'http://127.0.0.1:9',
        source: {
          ...{ kind: 'control', url: plane.url, token: plane.gatewayToken },
          ...{ environment: 'production', stateFile: undefined },
          identity: { instance: 'a-b-c', name: 'edge-1', version: '1.2.3', commit: undefined },
        },
        limits: { drainMs: 100 },
      },
      silentLog,
    )
  })
  after(async () => {
    await gateway.close()
    await plane.close()
    await store.close()
  })
  const call = async (command: Command, ...args: string[]) => {
    const out: string[] = []
    const err: string[] = []
    const code = await command(args, {
      stdout: { write: (text: string) => out.push(text) },
      stderr: { write: (text: string) => err.push(text) },
      env: { HANDOVER_CONTROL_URL: plane.url, HANDOVER_TOKEN_FILE: join(plane.directory, 'admin-token') },
    })
    return { code, out: out.join(''), err: err.join('') }
  }

  test('a gateway is listed with its state', async () => {
    const listed = await eventually('the gateway is up to date', async () => {
      const { out } = await call(gateways, '--environment=production')
      return out.includes('up to date') ? out : undefined
    })
    assert.match(
      listed,
      /^version \d+\nproduction {2}edge-1 \(a-b-c\) {2}handover 1\.2\.3 {2}up to date, version \d+\n$/,
    )
    assert.match((await call(gateways, '--staging')).out, /no gateways/)
    assert.equal((await call(gateways, 'x')).code, 2)
  })

  test('the steps of the checklist run as written, including production with a passed check', async () => {
    const steps: ReadonlyArray<readonly [text: string, code: number, says: RegExp]> = [
      [`feature set ${FLAG} 1 --actors`, 1, /staging comes before production/],
      [
        `/chatops gitlab run feature set --actors=Authn::OauthApplication:1 ${FLAG} true --dev --pre --staging --staging-ref`,
        ...([0, /\+ staging-ref: done/] as const),
      ],
      [`/chatops gitlab run feature set ${FLAG} true --dev --pre --staging --staging-ref`, 0, /\+ pre: done/],
      [
        `/chatops gitlab run feature set --actors=Authn::OauthApplication:1 ${FLAG} true`,
        0,
        /on for Authn.*:1 "Application 1"\n/,
      ],
      [`/chatops gitlab run feature set ${FLAG} 1 --actors`, 0, /production: done/],
      [`/chatops gitlab run feature set ${FLAG} true`, 0, /on for all/],
      [`/chatops gitlab run feature get ${FLAG}`, 0, /production: on/],
      [`/chatops gitlab run feature set ${FLAG} false`, 0, /off for all/],
      [`/chatops gitlab run feature delete ${FLAG} --dev --pre --staging --staging-ref --production`, 0, /deleted/],
      ['/chatops gitlab run auto_deploy status', 0, /gateway 1\.2\.3 \(reported by 1 process\)/],
    ]
    for (const [text, code, says] of steps) {
      const { code: got, out, err } = await call(chatops, text)
      assert.equal(got, code, `${text}: ${out}${err}`)
      assert.match(out, says, text)
      assert.match(out, /correlation id [\w-]+\n$/)
    }
  })

  test('invalid usage exits with 2, JSON contains the whole response, help needs no control plane', async () => {
    assert.equal((await call(chatops)).code, 2)
    assert.equal((await call(chatops, 'feature', 'list')).code, 2)
    assert.match((await call(chatops, '--help')).out, /Usage: handover chatops/)
    const { out, code } = await call(chatops, '--json', `feature set ${FLAG} 5abc`)
    assert.equal(code, 1)
    assert.equal(JSON.parse(out).sections[0].tone, 'refused')
  })

  test('commands are counted by their outcome', async () => {
    const { text } = await plane.ask('GET', '/metrics')
    assert.match(
      text,
      /handover_control_chatops_commands_total\{channel="cli",command="feature_get",outcome="info"\} 1/,
    )
  })
})
