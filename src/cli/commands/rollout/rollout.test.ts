import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, beforeEach, describe, test } from 'node:test'
import {
  startTestControlPlane,
  type TestControlPlane,
  testApplication,
} from '../../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../../test/support/database.ts'
import { scratchDirectory } from '../../../../test/support/scratch.ts'
import { type ControlClient, controlClient } from '../../client/control-client.ts'
import { act } from './actions.ts'
import { run as reportProblem } from './report-problem.ts'
import { run as rollout } from './rollout.ts'

// The engine runs: the date keeps it from beginning a step between two commands.
const PLAN = `version: 1
name: wave-1
flag: proxy_oauth_requests_to_iam_service
environment: staging
steps:
  - applications: [42]
  - percentage: 100
    approval: required
not_before: ${new Date(Date.now() + 7 * 86_400_000).toISOString()}
`

describe('handover rollout', () => {
  const scratch = scratchDirectory('rollout-cli')
  let store: TestDatabase
  let plane: TestControlPlane
  const planFile = join(scratch.path, 'plan.yaml')
  before(async () => {
    store = await (testDatabases()[0] ?? assert.fail('no store')).open()
    plane = await startTestControlPlane(store.database)
    await plane.announce(testApplication(42))
    writeFileSync(planFile, PLAN)
  })
  after(async () => {
    await plane.close()
    await store.close()
    scratch.remove()
  })
  beforeEach(async () => {
    for (const { id } of (await call('list', '--json')).json.rollouts)
      await call('abort', String(id), '--reason', 'a test')
  })

  const tokenFile = () => join(plane.directory, 'admin-token')
  async function callWith(command: typeof rollout, args: readonly string[], url = plane.url) {
    const out: string[] = []
    const err: string[] = []
    const io = {
      stdout: { write: (text: string) => out.push(text) },
      stderr: { write: (text: string) => err.push(text) },
      env: { HANDOVER_CONTROL_URL: url, HANDOVER_TOKEN_FILE: tokenFile() },
    }
    const code = await command(args, io)
    const text = out.join('')
    return {
      code,
      out: text,
      err: err.join(''),
      json: args.includes('--json') && code === 0 ? JSON.parse(text) : undefined,
    }
  }
  const call = (...args: string[]) => callWith(rollout, args)
  const created = async (): Promise<string> => String((await call('create', planFile, '--json')).json.id)

  test('validate needs no control plane and names line and field of each fault', async () => {
    const offline = (...args: string[]) => callWith(rollout, args, 'http://127.0.0.1:1')
    const { code, out } = await offline('validate', planFile)
    assert.equal(code, 0)
    assert.match(
      out,
      /plan\.yaml is valid: wave-1, proxy_oauth_requests_to_iam_service in staging\n {2}step 1: application 42/,
    )
    const faulty = join(scratch.path, 'faulty.yaml')
    writeFileSync(faulty, PLAN.replace('percentage: 100', 'percentag: 100'))
    const refused = await offline('validate', faulty)
    assert.equal(refused.code, 1)
    assert.match(refused.out, /faulty\.yaml: line 7, column 5: steps\[1\]\.percentag is not a field of a plan/)
    assert.equal((await offline('validate', join(scratch.path, 'none.yaml'))).code, 2)
  })

  test('create, start, pause, resume and abort steer a rollout, and show says where it stands', async () => {
    const id = await created()
    assert.match((await call('list')).out, new RegExp(`^${id}  wave-1  draft  step 0 of 2`, 'm'))
    assert.match((await call('start', id)).out, /wave-1 {2}waiting/)
    assert.match((await call('pause', id, '--reason', 'a look')).out, /wave-1 {2}paused/)
    assert.match((await call('show', id)).out, /\? Paused by administrator;/)
    assert.match((await call('resume', id)).out, /wave-1 {2}waiting/)
    assert.match((await call('approve', id)).out, /wave-1 {2}waiting/)
    assert.match((await call('abort', id, '--reason', 'enough')).out, /wave-1 {2}aborted/)
  })

  test('--json prints what the API answers', async () => {
    const id = await created()
    const { json } = await call('show', id, '--json')
    assert.deepEqual(json, (await plane.ask('GET', `/api/v1/rollouts/${id}`)).json)
  })

  test('--version refuses to act on a rollout that has changed since', async () => {
    const id = await created()
    const { version } = (await call('show', id, '--json')).json
    await call('start', id)
    const { code, err } = await call('pause', id, '--version', String(version))
    assert.equal(code, 1)
    assert.match(err, /handover rollout: the rollout has version \d+ by now/)
  })

  test('an action without --version applies although the engine wrote since the command read the rollout', async () => {
    const id = await created()
    await call('start', id)
    const line = {
      words: [],
      values: new Map([
        ['--token-file', [tokenFile()]],
        ['--control-url', [plane.url]],
      ]),
      switches: new Set<string>(),
    }
    const client = controlClient(line, { stdout: { write: () => true }, stderr: { write: () => true }, env: {} })
    let reads = 0
    const interrupted: ControlClient = Object.assign(
      async (...[method, path, json]: Parameters<ControlClient>) => {
        const answer = await client(method, path, json)
        if (method === 'GET' && reads++ === 0) await call('acknowledge', id)
        return answer
      },
      { download: client.download },
    )
    const { lines } = await act('pause', Number(id), line)(interrupted)
    assert.match(lines[0] ?? '', /wave-1 {2}paused/)
    assert.equal(reads, 2)
  })

  test('exclude and retry name an application, back a step', async () => {
    const id = await created()
    assert.match((await call('exclude', id)).err, /exclude needs --oauth-application/)
    assert.match((await call('pause', id, '--oauth-application=42')).err, /--oauth-application is not valid with pause/)
    assert.match((await call('pause', id, '--to-step', '1')).err, /--to-step is not valid with pause/)
    assert.match((await call('back', id, '--to-step', 'one')).err, /--to-step must be a whole number/)
    await call('start', id)
    const { code, err } = await call('back', id)
    assert.deepEqual([code, /no step has begun/.test(err)], [1, true], err)
    assert.match((await call('exclude', id, '--oauth-application=client-99')).err, /must be a known application/)
  })

  test('watch prints the timeline and ends with the state: 1 for an aborted rollout', async () => {
    const id = await created()
    await call('start', id)
    await call('abort', id, '--reason', 'enough')
    const { code, out } = await call('watch', id)
    assert.equal(code, 1)
    assert.match(out, /created .*\n.*started .*\n(?:.*waiting .*\n)?.*aborted .*enough.*\n> \d+ {2}wave-1 {2}aborted/)
    const lines =
      (await callWith(rollout, ['watch', id, '--json']).catch(() => undefined))?.out.trim().split('\n') ?? []
    assert.deepEqual(
      lines.map((line) => JSON.parse(line).kind).filter((kind) => kind !== 'waiting'),
      ['created', 'started', 'aborted'],
    )
  })

  test('watch of an unknown rollout fails like any other command', async () => {
    const { code, err } = await call('watch', '99')
    assert.deepEqual([code, err], [1, 'handover rollout: there is no such rollout\n'])
  })

  test('simulate says who moves when and what would stall, from the decision log of a gateway', async () => {
    const log = join(scratch.path, 'gateway.log')
    const line = { msg: 'iamproxy: routing decision', application_id: 42, endpoint: 'token', reason: 'flag_disabled' }
    const lines = Array.from({ length: 48 }, (_, half) => {
      const time = new Date(Date.parse('2026-11-29T00:00:00Z') + half * 1_800_000).toISOString()
      return JSON.stringify({ ...line, time, method: 'POST' })
    })
    writeFileSync(log, lines.join('\n'))
    const { code, out } = await call('simulate', planFile, '--log', log)
    assert.equal(code, 0, out)
    assert.match(
      out,
      /step 1: application 42: 1 application, 100 % of the traffic; begins immediately, has enough evidence/,
    )
    assert.match(out, /The plan would take about/)
    const idle = await call('simulate', planFile)
    assert.equal(idle.code, 1)
    assert.match(idle.out + idle.err, /no application had a flow in the last day/)
  })

  test('report writes Markdown or HTML', async () => {
    const id = await created()
    assert.match((await call('report', id)).out, /^# Rollout wave-1\n/)
    const file = join(scratch.path, 'report.html')
    assert.equal((await call('report', id, '--format', 'html', '--output', file)).code, 0)
    assert.match(readFileSync(file, 'utf8'), /^<!doctype html>[\s\S]*<h1>Rollout wave-1<\/h1>/)
    assert.match((await call('report', id, '--format', 'pdf')).err, /must be markdown or html/)
  })

  test("report-problem records a customer's report", async () => {
    const report = (...args: string[]) => callWith(reportProblem, args)
    const { code, out } = await report('--oauth-application=client-42', '--reason', 'a blank page', '--staging')
    assert.equal(code, 0)
    assert.match(out, /^problem \d+ is recorded; application 42 stays on the monolith in staging\n$/)
    assert.match((await report('--oauth-application=42')).err, /say with --reason/)
    assert.match((await report('--oauth-application=7', '--reason', 'x')).err, /must be a known application/)
    assert.match(
      (await report('--oauth-application=42', '--reason', 'eyJhbGciOiJub25lIn0.abcdefghij')).err,
      /credential/,
    )
  })
})
