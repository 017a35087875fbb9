import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { freshSchema, testApplication } from '../../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../../test/support/database.ts'
import { ROOT } from '../../../../test/support/program.ts'
import { eventually } from '../../../../test/support/wait.ts'
import { DEFAULT_RULES } from '../../../chatops/index.ts'
import { ENVIRONMENTS, type FlagState } from '../../../flags/index.ts'
import { silentLog } from '../../../observability/index.ts'
import { type Database, migrate, StoreAwayError } from '../../../storage/index.ts'
import { SYSTEM_CONTEXT } from '../../audit/change-context.ts'
import { loadDefinitions } from '../../flags/definition-files.ts'
import { MIGRATIONS } from '../../migrations.ts'
import { putApplication } from '../../state/application-writes.ts'
import { ChangeFeed } from '../../state/feed.ts'
import { openStore } from '../../state/store.ts'
import { LeaderLease } from '../leadership/leadership.ts'
import { Rollouts } from '../rollouts.ts'
import { RolloutStore } from '../store/rollout-store.ts'
import { ScriptedGuards } from '../testing/scripted-guards.ts'
import { RolloutEngine } from './engine.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'
const KILLS = 50
const STEPS = 30

/** A database whose process "dies" at a transaction: before it begins, or after its commit and before the answer. */
function mortal(database: Database): Database & { die: (after: number) => void; isDead: () => boolean } {
  let left = Number.POSITIVE_INFINITY
  let isDead = false
  const fail = () => new StoreAwayError('the process was killed')
  return Object.assign(Object.create(database) as Database, {
    kind: database.kind,
    query: ((statement, values) =>
      isDead ? Promise.reject(fail()) : database.query(statement, values)) as Database['query'],
    listen: database.listen.bind(database),
    notify: database.notify.bind(database),
    async transaction<T>(work: Parameters<Database['transaction']>[0], limitMs?: number): Promise<T> {
      if (isDead) throw fail()
      // An odd count dies before the transaction, an even one after its commit.
      left--
      if (left <= 0 && left % 2 === 0) isDead = true
      if (isDead) throw fail()
      const result = (await database.transaction(work, limitMs)) as T
      if (left <= 0) isDead = true
      if (isDead) throw fail()
      return result
    },
    die(after: number) {
      left = after
    },
    isDead: () => isDead,
  })
}

for (const engine of testDatabases()) {
  describe(`a leader that is killed again and again on ${engine.kind}`, () => {
    let store: TestDatabase
    before(async () => {
      store = await engine.open()
    })
    after(() => store.close())

    test(`loses, skips and repeats no step in up to ${KILLS} kills`, async () => {
      const schema = freshSchema()
      await migrate(store.database, schema, MIGRATIONS)
      const definitions = loadDefinitions(join(ROOT, 'flags'))
      const guards = new ScriptedGuards()
      const ids = Array.from({ length: STEPS }, (_, n) => n + 1)
      guards.show(ids, 1_000)

      async function replica(database: Database) {
        const own = openStore(database, schema)
        const feed = await ChangeFeed.open(own, definitions, silentLog)
        const leadership = await LeaderLease.join(database, schema, silentLog, { beatMs: 20, leaseMs: 60 })
        const dependencies = {
          ...{ store: own, rollouts: new RolloutStore(schema), feed, definitions, rules: DEFAULT_RULES },
          ...{
            reasonsRequired: [],
            allowsShort: true,
            channels: [],
            mayNotify: () => false,
            log: silentLog,
            onChange: () => {},
          },
        }
        const running = new RolloutEngine({
          ...{ dependencies, leadership, log: silentLog, guards, onDecision: () => {}, tickMs: 20 },
          ...{ traffic: async () => ({ flowsPerDay: new Map() }), cohorts: async () => new Map(), obstacles: [] },
        })
        running.start()
        const stop = async () => {
          await running.close()
          leadership.abandon()
          await feed.close()
        }
        return { rollouts: new Rollouts(dependencies), store: own, stop }
      }

      const person = await replica(store.database)
      for (const id of ids) await putApplication(person.store, testApplication(id), 1, SYSTEM_CONTEXT)
      await person.stop()
      const plan = {
        ...{ version: 1, name: 'killed', flag: FLAG, environment: 'dev', dwell: '40ms', soak: '20ms' },
        ...{ evidence: { outcomes: 1 }, steps: ids.map((id) => ({ applications: [id] })) },
      }
      const made = await person.rollouts.create(plan, SYSTEM_CONTEXT, ENVIRONMENTS)
      assert.ok(!('kind' in made), JSON.stringify(made))
      const asked = { action: 'start', version: made.version, context: SYSTEM_CONTEXT } as const
      assert.ok(!('kind' in (await person.rollouts.act(made.id, asked, ENVIRONMENTS))))

      let kills = 0
      for (; kills < KILLS; kills++) {
        const database = mortal(store.database)
        const next = await replica(database)
        database.die(2 + (kills % 7))
        await eventually('the kill', () => database.isDead())
        await next.stop()
        const found = await person.rollouts.read(made.id)
        if (found?.state === 'completed') break
      }
      const last = await replica(store.database)
      const done = await eventually('the rollout completes', async () => {
        const found = await person.rollouts.read(made.id)
        return found?.state === 'completed' ? found : undefined
      })
      await last.stop()
      assert.equal(done.step, STEPS)
      assert.deepEqual(
        done.reached.slice(1).map(({ applications }) => applications),
        ids.map((id) => [id]),
      )
      const history = await store.database.query<{ after: FlagState }>(
        `select after from ${schema}.flag_history where environment = 'dev' and name = $1 order by version`,
        [FLAG],
      )
      assert.deepEqual(
        history.map(({ after }) => after.actors.length),
        ids,
        'the flag was changed once for each step, in order',
      )
      const events = await person.rollouts.events(made.id, { limit: 1_000 })
      const steps = events
        .filter(({ kind }) => kind === 'step')
        .map(({ sentence }) => sentence.match(/^Step (\d+)/)?.[1])
      assert.deepEqual(steps.map(Number), ids)
      assert.deepEqual(
        events.map(({ number }) => number),
        events.map((_, at) => at + 1),
      )
    })
  })
}
