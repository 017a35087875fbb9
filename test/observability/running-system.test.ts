import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { findProgram } from '../../scripts/test-parts.ts'
import { openAlarms } from '../../src/control-plane/index.ts'
import { ENDPOINTS, REASONS } from '../../src/routing/index.ts'
import { type System, startParts, untilReplicated } from '../e2e/system.ts'
import { createServerDatabase } from '../support/database.ts'
import { type OtlpCollector, startCollector } from '../support/otlp-collector.ts'
import { scratchDirectory } from '../support/scratch.ts'
import { eventually } from '../support/wait.ts'
import { compileKql, type Line } from './kql.ts'
import { type RunningPrometheus, startPrometheus } from './prometheus.ts'
import { namesIn } from './promql-names.ts'
import { dashboardExpressions, ruleGroups, savedSearches } from './shipped.ts'
import { APPLICATIONS, causeTraffic, movedApplication } from './traffic.ts'

const server = process.env.HANDOVER_TEST_DATABASE_URL
const command = findProgram('prometheus')
const skip = server === undefined && 'no PostgreSQL is installed'

describe('a running system', { skip }, () => {
  let system: System
  let removeDatabase = async () => {}
  let secrets: string[] = []
  let collector: OtlpCollector
  const scratch = scratchDirectory('observed')

  before(async () => {
    const { url, remove } = await createServerDatabase(server ?? '')
    removeDatabase = remove
    const secretFile = join(scratch.path, 'probe-secret')
    writeFileSync(secretFile, movedApplication().secret)
    const probe = (side: string) => [
      `--${side}-probe-client-id`,
      movedApplication().uid,
      `--${side}-probe-secret-file`,
      secretFile,
    ]
    collector = await startCollector()
    const traced = ['--trace', 'all', '--otlp-endpoint', collector.url]
    const timely = ['--iam-headers-timeout-ms', '500']
    system = await startParts(url, {
      servers: traced,
      more: { control: traced, gateway: [...traced, ...probe('legacy'), ...probe('iam'), ...timely] },
    })
    await untilReplicated(system, APPLICATIONS)
    secrets = await causeTraffic(system)
    // The last lines to arrive; log lines may be late.
    const { stdout } = system.programs[0] ?? assert.fail()
    await stdout.waitForEntry((line) => line['controller'] !== undefined && line['status'] === 403)
    // A request that is refused early ends when its client has stopped sending.
    await eventually('the refused request is told', () => found('destination : "rejected"').length > 0)
  })
  after(async () => {
    await system?.stop()
    await collector?.stop()
    await removeDatabase()
    scratch.remove()
  })

  const lines = (): Line[] => system.programs.flatMap((program) => program.stdout.entries())
  const found = (query: string) => lines().filter(compileKql(query))

  describe('in its log', () => {
    test('every line is an object with level, time, component and message, and no path has a query', () => {
      assert.deepEqual(new Set(lines().map((line) => line['component'])).size, 4)
      for (const line of lines()) {
        for (const name of ['level', 'time', 'component', 'msg']) assert.equal(typeof line[name], 'string', name)
        assert.equal(new Date(String(line['time'])).toISOString(), line['time'])
        assert.doesNotMatch(String(line['path'] ?? ''), /[?#]/)
      }
    })

    test('a routing decision has the documented fields, each of its type', () => {
      const decisions = found('msg : "iamproxy: routing decision"')
      const orNull = (type: string) => (value: unknown) => value === null || typeof value === type
      const shape: Record<string, (value: unknown) => boolean> = {
        subcomponent: (value) => value === 'workhorse',
        correlation_id: (value) => /^[\w-]{10,}$/.test(String(value)),
        method: (value) => /^[A-Z]+$/.test(String(value)),
        path: (value) => String(value).startsWith('/'),
        endpoint: (value) => (ENDPOINTS as readonly unknown[]).includes(value),
        client_id: orNull('string'),
        application_id: orNull('number'),
        destination: (value) => ['rails', 'iam', 'rejected'].includes(String(value)),
        reason: (value) => (REASONS as readonly unknown[]).includes(value),
        flag_version: orNull('number'),
        status: Number.isInteger,
        duration_ms: (value) => typeof value === 'number' && value > 0,
        trace_id: (value) => /^[0-9a-f]{32}$/.test(String(value)),
      }
      for (const { level, time, component, msg, oauth_error, ...members } of decisions) {
        if (oauth_error !== undefined) assert.match(String(oauth_error), /^[a-z_]+$/)
        assert.deepEqual(Object.keys(members).sort(), Object.keys(shape).sort())
        for (const [name, fits] of Object.entries(shape)) assert.ok(fits(members[name]), `${name}: ${members[name]}`)
      }
      const destinations = new Set(decisions.map((line) => line['destination']))
      assert.deepEqual([...destinations].sort(), ['iam', 'rails', 'rejected'])
    })

    test("a grant has its application, and the correlation id of the gateway's line", () => {
      const asked = new Set(found('endpoint : token and status : 200').map((line) => line['correlation_id']))
      const grants = found('event : "oauth_application:auth"').filter((line) => typeof line['client_id'] === 'string')
      assert.deepEqual(new Set(grants.map((line) => line['component'])), new Set(['monolith', 'iam']))
      const own = grants.filter((line) => asked.has(line['correlation_id']))
      assert.ok(own.length >= 4)
      for (const line of own) assert.equal(line['application_id'], movedApplication().id)
    })

    test('no secret is written', () => {
      const text = system.programs.map((program) => program.stdout.text() + program.stderr.text()).join('\n')
      assert.ok(secrets.length >= 8)
      for (const secret of [...secrets, 'planted-token', 'planted-password', 'planted-refresh', 'planted-state']) {
        assert.ok(!text.includes(secret), `found ${secret.slice(0, 12)}…`)
      }
      assert.doesNotMatch(text, /(?:login|consent)_(?:verifier|challenge)=/)
    })
  })

  describe('in traces', () => {
    const grantOf = (component: string) => {
      const [grant] = found(
        `component : ${component} and event : "oauth_application:auth" and grant_type : authorization_code`,
      )
      return grant ?? assert.fail(`no grant of ${component}`)
    }

    for (const side of ['monolith', 'iam']) {
      test(`a sign-in on ${side} is one trace through every part up to the code, and a linked trace after it`, async () => {
        const { trace_id: ofToken } = grantOf(side)
        const moment = await eventually('the code is traced', () =>
          collector.spans.find((span) => span.name === 'code issued' && span.traceId === ofToken),
        )
        const flow = moment.links?.[0]?.traceId
        const lines = found(`trace_id : "${flow}"`)
        const paths = new Set(lines.filter((line) => line['component'] === 'gateway').map((line) => line['path']))
        assert.deepEqual(paths, new Set(['/oauth/authorize']))
        const services = () =>
          new Set(collector.spans.filter((span) => span.traceId === flow).map((span) => span.service))
        // The monolith queries IAM too, for the user's consent there.
        const expected = new Set(['handover-gateway', 'handover-monolith', 'handover-iam'])
        await eventually('all parts have reported', () => services().size === expected.size)
        assert.deepEqual(services(), expected)
        if (side === 'iam') {
          const asked = found(`trace_id : "${flow}" and component : iam and port : internal`)
          assert.ok(asked.length >= 4, 'the hand-off is in the trace')
        }
        const routed = found(`trace_id : "${ofToken}" and endpoint : token`)
        assert.equal(routed[0]?.['correlation_id'], grantOf(side)['correlation_id'])
      })
    }

    test('every span has its parent in its trace or is the root, and none contains a secret', async () => {
      await eventually('no span lacks its parent', () => {
        const ids = new Set(collector.spans.map((span) => span.traceId + span.spanId))
        return collector.spans.every((span) => !span.parentSpanId || ids.has(span.traceId + span.parentSpanId))
      })
      assert.deepEqual(collector.faults, [])
      const text = JSON.stringify(collector.spans)
      for (const secret of secrets) assert.ok(!text.includes(secret))
    })
  })

  describe('the shipped searches', () => {
    const queries = Object.fromEntries(savedSearches().map(({ id, query }) => [id, query]))

    test('find the routing decisions by client and destination', () => {
      const query = queries['handover-gateway-routing']
      const own = found(`${query} and client_id : "${movedApplication().uid}"`)
      assert.deepEqual(new Set(own.map((line) => line['destination'])), new Set(['rails', 'iam']))
      assert.ok(found(`${query} and reason : unknown_client`).length > 0)
    })

    test("find the routing endpoint's answers by status", () => {
      const statuses = found(queries['handover-routing-endpoint'] ?? '').map((line) => line['status'])
      assert.deepEqual(new Set(statuses), new Set([200, 403]))
    })

    test('find grants by application', () => {
      assert.ok(found(`${queries['handover-grants']} and application_id : ${movedApplication().id}`).length >= 4)
    })
  })

  describe('in Prometheus', { skip: command === undefined && 'prometheus is not installed' }, () => {
    let prometheus: RunningPrometheus
    const firing = async () => {
      const { alerts } = await prometheus.api<{ alerts: Array<{ labels: Record<string, string>; state: string }> }>(
        'alerts',
      )
      return alerts.filter((one) => one.state === 'firing').map(({ labels }) => labels)
    }
    const fires = (alert: string, job?: string) =>
      eventually(`${alert} fires`, async () =>
        (await firing()).some((one) => one['alertname'] === alert && (job === undefined || one['job'] === job)),
      )
    const clears = (alert: string) =>
      eventually(`${alert} clears`, async () => !(await firing()).some((one) => one['alertname'] === alert))

    before(async () => {
      const host = (url: string) => new URL(url).host
      prometheus = await startPrometheus(command ?? '', {
        'handover-gateway': host(system.adminUrl),
        'handover-control': host(system.controlUrl),
        'handover-iam': host(system.iamInternalUrl),
        'handover-monolith': host(system.monolithMetricsUrl),
      })
      await eventually('recorded rules are there', async () => {
        const names = await prometheus.api<string[]>('label/__name__/values')
        const recorded = ruleGroups().flatMap(({ rules }) =>
          rules.flatMap((rule) => ('record' in rule ? rule.record : [])),
        )
        return recorded.every((name) => names.includes(name))
      })
    })
    after(() => prometheus?.stop())

    test('every part is scraped', async () => {
      const { result } = await prometheus.api<{ result: unknown[] }>('query', { query: 'up{job=~"handover-.+"} == 1' })
      assert.equal(result.length, 4)
    })

    test('every metric and label in a dashboard or rule exists', async () => {
      const rules = ruleGroups().flatMap(({ rules }) =>
        rules.map((rule) => ({ where: 'alert' in rule ? rule.alert : rule.record, expr: rule.expr })),
      )
      const expressions = [...dashboardExpressions(), ...rules]
      assert.ok(expressions.length > 60)
      const labels = new Map<string, Set<string>>()
      const labelsOf = async (metric: string) => {
        const known = labels.get(metric)
        if (known) return known
        const series = await prometheus.api<Array<Record<string, string>>>('series', { 'match[]': metric })
        const names = new Set(series.flatMap((one) => Object.keys(one)))
        labels.set(metric, names)
        return names
      }
      const missing: string[] = []
      for (const { where, expr } of expressions) {
        const { selectors, grouping } = namesIn(await prometheus.api<string>('format_query', { query: expr }))
        assert.ok(selectors.length > 0, `${where} speaks of nothing`)
        const all = new Set<string>()
        for (const { metric, matchers } of selectors) {
          const own = await labelsOf(metric)
          if (own.size === 0) missing.push(`${where}: ${metric}`)
          for (const name of own) all.add(name)
          for (const { label, operator, value } of matchers) {
            if (!own.has(label)) missing.push(`${where}: ${metric}{${label}}`)
            const words: readonly string[] | undefined = { endpoint: ENDPOINTS, reason: REASONS }[label]
            if (words && operator === '=' && !words.includes(value)) missing.push(`${where}: ${label}="${value}"`)
          }
        }
        missing.push(...grouping.filter((label) => !all.has(label)).map((label) => `${where}: by (${label})`))
        await prometheus.api('query', { query: expr })
      }
      assert.deepEqual(missing, [])
    })

    test('the same check finds a name that does not exist', () => {
      const formatted = 'sum by (nothing) (rate(handover_x{a="b",c=~"d"}[5m])) / on () group_left (e) vector(1) > 0.5'
      assert.deepEqual(namesIn(formatted), {
        selectors: [
          {
            metric: 'handover_x',
            matchers: [
              { label: 'a', operator: '=', value: 'b' },
              { label: 'c', operator: '=~', value: 'd' },
            ],
          },
        ],
        grouping: ['nothing', 'e'],
      })
    })

    test('the alert of a brake fires, reaches the production check, and clears with the brake', async () => {
      const brake = (on: string) => fetch(`${system.adminUrl}/brake`, { method: 'PUT', body: on })
      const severities = ['warning']
      const ask = { kind: 'prometheus', url: prometheus.url, token: undefined, namePrefix: 'HandoverBrake' } as const
      const standing = openAlarms({ ...ask, severities, match: {} })
      await brake('on')
      await fires('HandoverBrakeOn')
      assert.match((await standing('production')).join(), /^HandoverBrakeOn: \w/)
      await brake('off')
      await clears('HandoverBrakeOn')
      assert.deepEqual(await standing('production'), [])
    })

    test('the alerts of an IAM that hangs fire, and clear when it is back', async () => {
      const iam = system.programs[1]
      assert.ok(iam)
      const authorize = `${system.issuer}/oauth/authorize?client_id=${movedApplication().uid}&response_type=code`
      const knock = async () => void (await (await fetch(authorize, { redirect: 'manual' })).arrayBuffer())
      process.kill(-iam.pid, 'SIGSTOP')
      try {
        await fires('HandoverPartDown', 'handover-iam')
        await Promise.all(Array.from({ length: 10 }, knock))
        await fires('HandoverIamCircuitOpen')
      } finally {
        process.kill(-iam.pid, 'SIGCONT')
      }
      await clears('HandoverPartDown')
      await eventually('the circuit closes', async () => {
        await knock()
        return !(await firing()).some((one) => one['alertname'] === 'HandoverIamCircuitOpen')
      })
    })
  })
})
