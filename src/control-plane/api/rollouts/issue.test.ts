import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { startTestControlPlane, type TestControlPlane } from '../../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../../test/support/database.ts'
import { ROOT } from '../../../../test/support/program.ts'
import { scratchDirectory } from '../../../../test/support/scratch.ts'
import { eventually } from '../../../../test/support/wait.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'
const WRITTEN = 'What people wrote.\r\n- [x] Documentation\n'

describe('the rollout issue in GitLab', () => {
  const scratch = scratchDirectory('issue')
  let store: TestDatabase
  let control: TestControlPlane
  let url = ''
  let status = 200
  const issue = { description: WRITTEN }
  const asked: string[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    asked.push(`${request.method} ${request.url} ${request.headers['private-token']}`)
    if (request.method === 'PUT' && status === 200) {
      issue.description = JSON.parse(Buffer.concat(chunks).toString()).description
    }
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(issue))
  })
  before(async () => {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const definitionsDirectory = join(scratch.path, 'flags')
    const file = `gitlab_com_derisk/${FLAG}.yml`
    mkdirSync(join(definitionsDirectory, 'gitlab_com_derisk'), { recursive: true })
    const text = readFileSync(join(ROOT, 'flags', file), 'utf8')
    const address = `rollout_issue_url: ${url}/group/project/-/work_items/5`
    writeFileSync(join(definitionsDirectory, file), text.replace(/^rollout_issue_url:.*$/m, address))
    store = await (testDatabases()[0] ?? assert.fail('no store')).open()
    const gitlab = { url, token: 'a-token', recordProject: undefined, pipeline: undefined }
    const notifications = { intervalMs: 10 }
    control = await startTestControlPlane(store.database, {
      ...{ definitionsDirectory, notifications, sideEffects: { gitlab, qaChannels: {} } },
    })
  })
  after(async () => {
    await control.close()
    await store.close()
    server.closeAllConnections()
    server.close()
    scratch.remove()
  })

  const rolloutIn = async (environment: string) => {
    const plan = { version: 1, name: 'wave', flag: FLAG, environment, steps: [{ percentage: 100 }] }
    const { json } = await control.ask('POST', '/api/v1/rollouts', { json: { plan } })
    return json as { id: number; version: number }
  }

  test('is kept current with each event, and what people wrote stays byte for byte', async () => {
    const { id, version } = await rolloutIn('staging')
    await eventually('the draft is in it', async () => issue.description.includes('draft on staging'))
    assert.ok(issue.description.startsWith(WRITTEN.trimEnd()))
    const edited = issue.description.replace('- [x] Documentation', '- [x] Documentation, by Alice')
    issue.description = `${edited}\nMore below.`
    const json = { action: 'start', version, reason: 'wave' }
    assert.equal((await control.ask('POST', `/api/v1/rollouts/${id}/actions`, { json })).status, 200)
    await eventually('the start is in it', async () => issue.description.includes('administrator started the rollout'))
    assert.match(issue.description, /^What people wrote\.\r\n- \[x\] Documentation, by Alice\n/)
    assert.match(issue.description, /\nMore below\.$/)
    assert.ok(asked.includes('PUT /api/v4/projects/group%2Fproject/issues/5 a-token'))
  })

  test('is Markdown with the sections of the template, for those without a GitLab', async () => {
    const { id } = await rolloutIn('dev')
    const { json } = await control.ask('GET', `/api/v1/rollouts/${id}/issue`)
    assert.equal(json.url, `${url}/group/project/-/work_items/5`)
    assert.match(json.markdown, /^## Summary\n[\s\S]*## Rollback\n[\s\S]*## Progress of rollout wave\n/)
    const tick = { environment: 'dev', rollout: id, item: 'documentation' }
    assert.equal((await control.ask('POST', '/api/v1/checklist/ticks', { json: tick })).status, 200)
    const { markdown } = (await control.ask('GET', `/api/v1/rollouts/${id}/issue`)).json
    assert.match(markdown, /### Checks\n/)
    assert.match(markdown, /- \[x\] The documentation is up to date: ticked by administrator at /)
    assert.match(markdown, /- \[ \] IAM holds the applications: no application has been announced/)
    assert.equal((await control.ask('GET', '/api/v1/rollouts/999/issue')).status, 404)
  })

  test('is updated on demand, by those who may change the environment', async () => {
    const { id } = await rolloutIn('pre')
    const path = `/api/v1/rollouts/${id}/issue`
    assert.equal((await control.ask('POST', path, { json: {} })).status, 200)
    assert.match(issue.description, /draft on pre/)
    const made = await control.ask('POST', '/api/v1/tokens', {
      json: { role: 'operator', name: 'bob', environments: ['dev'] },
    })
    assert.equal((await control.ask('POST', path, { json: {}, token: made.json.token })).status, 403)
  })

  test('a GitLab that is down is reported, and the issue is brought up to date later', async () => {
    status = 503
    const { id } = await rolloutIn('dev')
    const answer = await control.ask('POST', `/api/v1/rollouts/${id}/issue`, { json: {} })
    assert.deepEqual([answer.status, answer.json.detail], [503, 'GitLab: answered with status 503'])
    status = 200
    await eventually('it is in it', async () => issue.description.includes(`<!-- handover rollout ${id}:`))
  })

  test('without an issue in this GitLab there is nothing to update', async () => {
    const plan = {
      ...{ version: 1, name: 'other', flag: FLAG, environment: 'dev', steps: [{ percentage: 100 }] },
      rollout_issue_url: 'https://gitlab.example/a/b/-/issues/1',
    }
    const { json } = await control.ask('POST', '/api/v1/rollouts', { json: { plan } })
    const answer = await control.ask('POST', `/api/v1/rollouts/${json.id}/issue`, { json: {} })
    assert.deepEqual([answer.status, answer.json.code], [409, 'change_refused'])
  })
})
