import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import { startTestControlPlane, type TestControlPlane, testApplication } from '../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../test/support/database.ts'
import { eventually } from '../../../test/support/wait.ts'
import { DEFAULT_RULES, type RuleSettings } from '../../chatops/index.ts'
import type { Environment } from '../../flags/index.ts'
import { openStore } from '../state/store.ts'
import type { AlarmSettings } from './checks/open-alarms.ts'
import { claimProposal } from './flag-changes/proposals.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'
/** No gateway is connected, and nothing waits. */
const CALM = { ...DEFAULT_RULES.productionCheck, waitMs: 0, minGateways: 0 }

interface Said {
  readonly outcome: string
  readonly text: string
  readonly sections: ReadonlyArray<{ heading: string; tone: string; lines: string[] }>
}

for (const engine of testDatabases()) {
  describe(`commands on ${engine.kind}`, () => {
    let database: TestDatabase
    const planes: TestControlPlane[] = []
    before(async () => {
      database = await engine.open()
    })
    afterEach(async () => {
      for (const plane of planes.splice(0)) await plane.close()
    })
    after(() => database.close())

    const start = async (
      rules: Partial<RuleSettings> = {},
      reasonsRequired: readonly Environment[] = [],
      alarms?: AlarmSettings,
    ) => {
      const chatops = {
        rules: { ...DEFAULT_RULES, productionCheck: CALM, ...rules },
        slack: undefined,
        teams: [],
        alarms,
      }
      const plane = await startTestControlPlane(database.database, { chatops, reasonsRequired })
      planes.push(plane)
      for (const id of [1, 2, 3, 42]) await plane.announce(testApplication(id))
      return plane
    }
    const say = async (plane: TestControlPlane, text: string): Promise<Said> => {
      const answer = await plane.ask('POST', '/api/v1/chatops', { json: { text } })
      assert.equal(answer.status, 200, answer.text)
      return answer.json as Said
    }
    const headings = ({ sections }: Said) => sections.map(({ heading }) => heading)
    const stateOf = async (plane: TestControlPlane, environment: string) => {
      const { json } = await plane.ask('GET', `/api/v4/features?environment=${environment}`)
      return (json as Array<{ name: string; gates: Array<{ key: string; value: unknown }> }>).find(
        ({ name }) => name === FLAG,
      )?.gates
    }

    test('the step for one test application enables only that application, in every environment named', async () => {
      const plane = await start()
      const text = `/chatops gitlab run feature set --actors=Authn::OauthApplication:42 ${FLAG} true --dev --pre --staging --staging-ref`
      const said = await say(plane, text)
      assert.equal(said.outcome, 'done', said.text)
      assert.deepEqual(headings(said), ['dev: done', 'staging: done', 'staging-ref: done', 'pre: done'])
      for (const environment of ['dev', 'pre', 'staging', 'staging-ref']) {
        assert.deepEqual(await stateOf(plane, environment), [
          { key: 'boolean', value: false },
          { key: 'actors', value: ['Authn::OauthApplication:42'] },
        ])
      }
      assert.equal(await stateOf(plane, 'production'), undefined)
    })

    test('staging comes before production when enabling, and production before staging when disabling', async () => {
      const plane = await start()
      const early = await say(plane, `feature set ${FLAG} true --oauth-application=42`)
      assert.equal(early.outcome, 'refused')
      assert.match(early.text, /staging comes before production/)
      const both = await say(plane, `feature set ${FLAG} true --oauth-application=42 --production --staging`)
      assert.deepEqual(headings(both), ['staging: done', 'production: done'], both.text)
      const off = await say(plane, `feature set ${FLAG} false --staging`)
      assert.match(off.text, /still on in production; switch it off there first/)
      assert.equal((await say(plane, `feature set ${FLAG} false`)).outcome, 'done')
      assert.equal((await say(plane, `feature set ${FLAG} false --staging`)).outcome, 'done')
      const forced = await say(
        plane,
        `feature set ${FLAG} true --oauth-application=42 --ignore-feature-flag-consistency-check`,
      )
      assert.equal(forced.outcome, 'done')
      assert.match(forced.text, /overrode consistency_check: staging comes before production/)
    })

    test('after an environment refuses, a rollout stops and a rollback continues', async () => {
      const plane = await start()
      await say(plane, `feature set ${FLAG} true --staging`)
      await say(plane, `feature set ${FLAG} 10 --actors --production`)
      // A percentage is refused on staging, where the flag is on for all.
      const on = await say(plane, `feature set ${FLAG} 20 --actors --staging --production --pre`)
      assert.deepEqual(headings(on), ['staging: refused', 'pre: not done', 'production: not done'], on.text)
      assert.deepEqual((await stateOf(plane, 'production'))?.at(-1), { key: 'percentage_of_actors', value: 10 })
      const off = await say(plane, `feature set ${FLAG} false --staging --production`)
      assert.equal(off.outcome, 'partial')
      assert.deepEqual(headings(off), ['staging: refused', 'production: done'], off.text)
      assert.deepEqual(await stateOf(plane, 'production'), [{ key: 'boolean', value: false }])
    })

    test('a dry run lists the applications that would move and changes nothing', async () => {
      const plane = await start()
      await plane.announce(testApplication(77), null)
      const said = await say(plane, `feature set ${FLAG} true --staging --production --dry-run`)
      assert.equal(said.outcome, 'info')
      for (const { heading, lines } of said.sections) {
        assert.match(heading, /dry run, nothing is changed/)
        assert.ok(
          lines.includes(
            '4 applications rails → iam: 1 "Application 1", 2 "Application 2", 3 "Application 3", 42 "Application 42"',
          ),
        )
        assert.ok(lines.includes('1 more as soon as IAM holds their current version'))
        assert.ok(!lines.some((line) => line.startsWith('would be refused')), lines.join('\n'))
      }
      assert.equal(await stateOf(plane, 'staging'), undefined)
      const alone = await say(plane, `feature set ${FLAG} true --dry-run`)
      assert.match(alone.text, /would be refused: staging comes before production/)
    })

    test('the production check refuses with its reasons, can be overridden, and never delays a rollback', async () => {
      const plane = await start({ productionCheck: { ...CALM, minGateways: 1, waitMs: 30, pollMs: 5 } })
      await say(plane, `feature set ${FLAG} true --staging`)
      await plane.ask('PUT', '/api/v1/brake', { json: { on: true, reason: 'incident 7' } })
      const refused = await say(plane, `feature set ${FLAG} 1 --actors`)
      assert.equal(refused.outcome, 'refused')
      assert.match(refused.text, /the brake is on: incident 7; 0 gateways are connected; at least 1 required/)
      const entry = await eventually('the refusal is in the audit log', async () => {
        const { entries } = (await plane.ask('GET', '/api/v1/audit?action=change.refused')).json
        return entries[0] as { subject: string; door: string; details: { refused: string[] } } | undefined
      })
      assert.deepEqual([entry.subject, entry.door], [FLAG, 'api'])
      assert.match(entry.details.refused.join(), /the brake is on: incident 7/)
      const forced = await say(plane, `feature set ${FLAG} 1 --actors --ignore-production-check`)
      assert.equal(forced.outcome, 'done')
      assert.match(forced.text, /overrode production_check: production is not safe: the brake is on/)
      assert.equal((await say(plane, `feature set ${FLAG} false`)).outcome, 'done')
    })

    test('an open alarm, or an alarm source that cannot be reached, blocks production', async () => {
      const productionCheck = { ...CALM, waitMs: 0 }
      const url = 'http://127.0.0.1:1'
      const alarms = { kind: 'prometheus', url, token: undefined, namePrefix: '', severities: [], match: {} } as const
      const plane = await start({ productionCheck }, [], alarms)
      await say(plane, `feature set ${FLAG} true --staging`)
      const refused = await say(plane, `feature set ${FLAG} 1 --actors`)
      assert.match(refused.text, /alarm: whether one is open is not known, for Prometheus does not answer/)
      assert.equal((await say(plane, `feature set ${FLAG} false`)).outcome, 'done')
    })

    test('a proposal waits for a second person; the proposer cannot approve it', async () => {
      const plane = await start({ twoPerson: ['production'] })
      await say(plane, `feature set ${FLAG} true --staging`)
      const proposed = await say(plane, `feature set ${FLAG} 5 --actors --reason="first step"`)
      assert.equal(proposed.outcome, 'waiting')
      assert.equal(await stateOf(plane, 'production'), undefined)
      const id = /proposal (\d+)/.exec(proposed.text)?.[1]
      assert.match((await say(plane, 'feature proposals')).text, /feature set .* 5 --actors/)
      const own = await say(plane, `feature approve ${id}`)
      assert.equal(own.outcome, 'refused')
      assert.match(own.text, /a second person has to approve it/)
      await database.database.query(`update ${plane.schema}.proposals set proposed_by = 'somebody else'`)
      const approved = await say(plane, `feature approve ${id}`)
      assert.equal(approved.outcome, 'done', approved.text)
      assert.match(approved.text, /proposed by somebody else, approved by /)
      const { text } = await plane.ask('GET', '/api/v1/audit?environment=production')
      assert.match(text, /"proposed_by":"somebody else"/)
      assert.deepEqual((await stateOf(plane, 'production'))?.at(-1), { key: 'percentage_of_actors', value: 5 })
      assert.match((await say(plane, `feature approve ${id}`)).text, /no proposal of this number waits/)
    })

    test('a proposal ends with a change of the flag or its expiry; a rollback needs no second person', async () => {
      const plane = await start({ twoPerson: ['production'] })
      await say(plane, `feature set ${FLAG} true --staging`)
      const id = async (text: string) => /proposal (\d+)/.exec((await say(plane, text)).text)?.[1]
      const first = await id(`feature set ${FLAG} 5 --actors`)
      await plane.ask('POST', `/api/v4/features/${FLAG}`, { form: { value: '3', key: 'percentage_of_actors' } })
      await database.database.query(`update ${plane.schema}.proposals set proposed_by = 'somebody else'`)
      assert.match((await say(plane, `feature approve ${first}`)).text, /has changed since the proposal/)
      const second = await id(`feature set ${FLAG} 5 --actors`)
      await database.database.query(`update ${plane.schema}.proposals set expires_at = now(), proposed_by = 'x'`)
      assert.match((await say(plane, `feature approve ${second}`)).text, /no proposal of this number waits/)
      assert.equal((await say(plane, `feature set ${FLAG} false`)).outcome, 'done')
    })

    test('of two concurrent approvals one wins', async () => {
      const plane = await start({ twoPerson: ['production'] })
      await say(plane, `feature set ${FLAG} true --staging`)
      const id = Number(/proposal (\d+)/.exec((await say(plane, `feature set ${FLAG} 5 --actors`)).text)?.[1])
      const store = openStore(database.database, plane.schema)
      const claims = await Promise.all(['bob', 'carol', 'dave'].map((name) => claimProposal(store, id, name)))
      assert.equal(claims.filter(Boolean).length, 1)
    })

    test('steps on production are limited in size and in the time between them', async () => {
      const plane = await start({ maxStepPoints: 10, minStepMs: 15 * 60_000 })
      await say(plane, `feature set ${FLAG} true --staging`)
      assert.match(
        (await say(plane, `feature set ${FLAG} 25 --actors`)).text,
        /from 0 % to 25 % is more than 10 points/,
      )
      assert.equal((await say(plane, `feature set ${FLAG} 10 --actors`)).outcome, 'done')
      assert.match((await say(plane, `feature set ${FLAG} 12 --actors`)).text, /steps must be 15 min apart/)
      const forced = await say(plane, `feature set ${FLAG} 12 --actors --ignore-step-limit`)
      assert.match(forced.text, /overrode step_limit/)
      assert.equal((await say(plane, `feature set ${FLAG} 5 --actors`)).outcome, 'done')
    })

    test('reason and overrides are stored with the change; a required reason cannot be omitted', async () => {
      const plane = await start({}, ['production'])
      const bare = await say(plane, `feature set ${FLAG} 1 --actors --ignore-feature-flag-consistency-check`)
      assert.match(bare.text, /a change of production needs --reason=<text> and --change-issue=<url>/)
      const secret = await say(plane, `feature set ${FLAG} false --reason="with ${plane.adminToken}"`)
      assert.match(secret.text, /reason: must not hold a credential/)
      const why = `--reason="first step" --change-issue=https://gitlab.example/c/7`
      const done = await say(plane, `feature set ${FLAG} 1 --actors --ignore-feature-flag-consistency-check ${why}`)
      assert.equal(done.outcome, 'done', done.text)
      assert.equal((await say(plane, `feature set ${FLAG} false`)).outcome, 'done')
      const { json } = await plane.ask('GET', `/api/v1/flags/${FLAG}/history`)
      const [off, on] = json.entries
      assert.equal(off.cause.door, 'api')
      assert.deepEqual(
        { ...on.cause, correlation_id: '' },
        {
          ...{ door: 'api', correlation_id: '', reason: 'first step' },
          change_issue_url: 'https://gitlab.example/c/7',
          overrides: ['consistency_check: staging comes before production, and the flag is off in staging'],
        },
      )
      const { text } = await plane.ask('GET', '/api/v1/audit?environment=production')
      assert.match(text, /"overrides":\["consistency_check: staging comes before production/)
    })

    test('production is changed only from its channel, unless the settings also allow the API', async () => {
      const closed = await start({ productionChannel: 'C101F3796' })
      await say(closed, `feature set ${FLAG} true --staging`)
      assert.match((await say(closed, `feature set ${FLAG} 1 --actors`)).text, /from the Slack channel C101F3796 only/)
      const open = await start({ productionChannel: 'C101F3796', allowsProductionFromApi: true })
      await say(open, `feature set ${FLAG} true --staging`)
      assert.equal((await say(open, `feature set ${FLAG} 1 --actors`)).outcome, 'done')
    })

    test('get, list and delete work, and a mistyped flag is answered with a suggestion', async () => {
      const plane = await start()
      await say(plane, `feature set ${FLAG} 50 --actors --staging`)
      const got = await say(plane, `feature get ${FLAG} --staging --dev`)
      assert.deepEqual(headings(got), ['dev: off', 'staging: conditional'])
      assert.match(got.text, /50 % of applications/)
      assert.match((await say(plane, 'feature list --match proxy_oauth --staging')).text, /conditional \(50 %/)
      assert.equal((await say(plane, `feature delete ${FLAG} --staging --production --confirm`)).outcome, 'done')
      assert.equal(await stateOf(plane, 'staging'), undefined)
      const typed = await say(plane, 'feature get proxy_oauth_request_to_iam_service')
      assert.match(typed.text, /did you mean proxy_oauth_requests_to_iam_service/)
      assert.equal((await say(plane, 'feature set x')).outcome, 'refused')
      assert.match((await say(plane, 'help')).text, /feature approve/)
    })

    test('an application that IAM does not hold is not enabled, and an unknown one is refused', async () => {
      const plane = await start()
      await plane.announce(testApplication(9), null)
      const absent = await say(plane, `feature set ${FLAG} true --oauth-application=9 --staging`)
      assert.match(absent.text, /has not arrived in the IAM auth service/)
      assert.match((await say(plane, `feature set ${FLAG} true --oauth-application=nobody --dev`)).text, /not found/)
    })
  })
}
