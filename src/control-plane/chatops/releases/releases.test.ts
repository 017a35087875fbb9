import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { startTestControlPlane, type TestControlPlane } from '../../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../../test/support/database.ts'
import { scratchDirectory } from '../../../../test/support/scratch.ts'
import { SourceFault } from './commit-source.ts'
import { createGitRepositorySource } from './git-repository.ts'
import { createGitLabSource } from './gitlab.ts'

const PROJECT = 'gitlab-org/gitlab'
const MERGE_REQUEST = (iid: number) => `https://gitlab.example/${PROJECT}/-/merge_requests/${iid}`

/** A clone with two commits on master; the first one is tagged and in a stable branch. */
class Clone {
  readonly directory = join(scratchDirectory('clone').path, 'repository')
  readonly first: string
  readonly second: string

  constructor() {
    execFileSync('git', ['init', '-q', '-b', 'master', this.directory])
    this.first = this.#commit('Add the flag', `See merge request ${PROJECT}!7`)
    this.git('branch', '19-1-stable-ee')
    this.git('tag', 'v19.1.0-ee')
    this.second = this.#commit('Use the flag', `See merge request ${PROJECT}!77`)
  }

  #commit(subject: string, line: string): string {
    this.git('commit', '-q', '--allow-empty', '-m', `${subject}\n\n${line}`)
    return this.git('rev-parse', 'HEAD')
  }

  git(...args: string[]): string {
    const who = ['-c', 'user.name=a', '-c', 'user.email=a@example.com', '-c', 'commit.gpgsign=false']
    return execFileSync('git', ['-C', this.directory, ...who, ...args], { encoding: 'utf8' }).trim()
  }
}

const clone = new Clone()

describe('a clone of the repository', () => {
  const source = createGitRepositorySource(clone.directory)

  test('reports whether a commit is part of another, and which one it does not know', async () => {
    assert.equal(await source.contains(clone.first.slice(0, 10), clone.second), true)
    assert.equal(await source.contains(clone.second, clone.first), false)
    assert.equal(await source.contains('0123456789abcdef', clone.second), undefined)
    assert.equal(await source.contains(clone.first, '0123456789abcdef'), undefined)
  })

  test('finds the merge of a merge request by its number, and not by a longer one', async () => {
    const address = (iid: number) => ({ url: '', project: PROJECT, iid })
    assert.deepEqual(await source.mergeRequest(address(7)), { state: 'merged', commit: clone.first })
    assert.deepEqual(await source.mergeRequest(address(77)), { state: 'merged', commit: clone.second })
    assert.equal(await source.mergeRequest(address(777)), undefined)
  })

  test('lists the tags and branches that contain a commit', async () => {
    assert.deepEqual(await source.refsWith(clone.first), {
      tags: ['v19.1.0-ee'],
      branches: ['19-1-stable-ee', 'master'],
    })
    assert.deepEqual(await source.refsWith(clone.second), { tags: [], branches: ['master'] })
  })
})

test('a directory that is not a repository is an error, and not an unknown commit', async () => {
  const source = createGitRepositorySource(scratchDirectory('no-clone').path)
  const isFault = (error: unknown) => error instanceof SourceFault && /does not answer/.test(error.message)
  await assert.rejects(source.contains(clone.first, clone.second), isFault)
  await assert.rejects(source.refsWith(clone.first), isFault)
  await assert.rejects(source.mergeRequest({ url: '', project: PROJECT, iid: 7 }), isFault)
})

/** Answers as GitLab's REST API documents it. */
class FakeGitLab {
  readonly asked: string[] = []
  answer: (
    path: string,
    request: IncomingMessage,
  ) => { status: number; json: unknown; headers?: Record<string, string> }
  #server: Server | undefined
  url = ''

  constructor(answer: FakeGitLab['answer']) {
    this.answer = answer
  }

  async open(): Promise<void> {
    const server = createServer((request, response) => {
      const path = decodeURIComponent(request.url ?? '')
      this.asked.push(`${request.headers['private-token'] ?? 'nobody'} ${path}`)
      const { status, json, headers } = this.answer(path, request)
      if (status === 0) return
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(json))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    this.#server = server
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    this.#server?.closeAllConnections()
    await new Promise((resolve) => this.#server?.close(resolve))
  }
}

const MERGED = 'a'.repeat(40)
const DEPLOYED = 'b'.repeat(40)

function documented(path: string): ReturnType<FakeGitLab['answer']> {
  const base = `/api/v4/projects/${PROJECT}`
  const notFound = { status: 404, json: { message: '404 Not Found' } }
  if (path === `${base}/merge_requests/5`) {
    return {
      status: 200,
      json: { iid: 5, state: 'merged', merge_commit_sha: MERGED, squash_commit_sha: null, sha: 'c'.repeat(40) },
    }
  }
  if (path === `${base}/merge_requests/6`) {
    return {
      status: 200,
      json: { iid: 6, state: 'opened', merge_commit_sha: null, squash_commit_sha: null, sha: 'c'.repeat(40) },
    }
  }
  if (path.startsWith(`${base}/repository/commits/`) && path.includes('/refs')) {
    const isFirst = path.includes('&page=1')
    const json = isFirst ? [{ type: 'branch', name: 'master' }] : [{ type: 'tag', name: 'v19.1.0-ee' }]
    return { status: 200, json, headers: { 'x-next-page': isFirst ? '2' : '' } }
  }
  const commit = new RegExp(`^${base}/repository/commits/(\\w+)$`).exec(path)?.[1]
  if (commit !== undefined)
    return MERGED.startsWith(commit) ? { status: 200, json: { id: MERGED, short_id: 'aaaaaaaaaaa' } } : notFound
  if (path === `${base}/repository/merge_base?refs[]=${MERGED}&refs[]=${DEPLOYED}`)
    return { status: 200, json: { id: MERGED } }
  if (path.startsWith(`${base}/deployments?environment=gprd&`)) {
    return { status: 200, json: [{ id: 1, sha: DEPLOYED, ref: '19-1-auto-deploy-2026112300', status: 'success' }] }
  }
  return notFound
}

for (const engine of testDatabases()) {
  describe(`deployed versions on ${engine.kind}`, () => {
    let database: TestDatabase
    const lab = new FakeGitLab(documented)
    const planes: TestControlPlane[] = []
    before(async () => {
      database = await engine.open()
      await lab.open()
    })
    after(async () => {
      for (const plane of planes) await plane.close()
      await lab.close()
      await database.close()
    })
    const start = async (commits: Parameters<typeof startTestControlPlane>[1] & object) => {
      const plane = await startTestControlPlane(database.database, commits)
      planes.push(plane)
      return plane
    }
    const say = async (plane: TestControlPlane, text: string): Promise<string> => {
      const { json } = await plane.ask('POST', '/api/v1/chatops', { json: { text } })
      return json.text
    }
    const record = (plane: TestControlPlane, json: object) => plane.ask('POST', '/api/v1/deployments', { json })

    test('deployments are recorded, the latest of each component is shown, and unknown ones are named', async () => {
      const plane = await start({})
      assert.match(await say(plane, 'auto_deploy status'), /no deployment has been recorded/)
      const old = { environment: 'production', component: 'iam', version: '1.0.0', contains: [clone.first] }
      assert.equal((await record(plane, old)).status, 201)
      await record(plane, { ...old, version: '1.1.0', commit: clone.second, contains: [] })
      await record(plane, { ...old, environment: 'staging', contains: [clone.first] })
      const text = await say(plane, `auto_deploy status ${clone.first.slice(0, 8)} 0123456789`)
      assert.match(text, /production: runs\n {4}iam 1\.1\.0, commit \w{12}, since .*\n.*unknown commit/)
      assert.match(text, /staging: runs\n {4}iam 1\.0\.0, since .*\n.*contained/)
      assert.match(text, /Unknown commits\n {4}0123456789: in no record of a deployment/)
      const { json } = await plane.ask('GET', '/api/v1/deployments')
      assert.equal(json.deployments.length, 2)
      for (const wrong of [
        { commit: 'main' },
        { component: 'rails' },
        { environment: 'ops' },
        { version: 'a b' },
        { x: 1 },
      ]) {
        assert.equal((await record(plane, { ...old, ...wrong })).status, 400, JSON.stringify(wrong))
      }
      assert.match(
        await say(plane, `release check ${MERGE_REQUEST(7)} 19.1`),
        /neither a git repository nor GitLab is configured/,
      )
    })

    test('a clone answers which deployment contains a commit, and in which release a merge request is', async () => {
      const plane = await start({ commits: { repository: clone.directory } })
      const iam = { environment: 'production', component: 'iam', version: '1.0.0' }
      await record(plane, { ...iam, commit: clone.first })
      const text = await say(plane, `auto_deploy status ${clone.first.slice(0, 8)} ${clone.second.slice(0, 8)}`)
      assert.match(text, new RegExp(`${clone.first.slice(0, 8)}: contained`))
      assert.match(text, new RegExp(`${clone.second.slice(0, 8)}: not contained`))
      assert.match(
        await say(plane, `release check ${MERGE_REQUEST(7)} 19.1`),
        /it is released in 19.1 \(tag v19.1.0-ee\)/,
      )
      assert.match(
        await say(plane, `release check ${MERGE_REQUEST(77)} 19.1`),
        /not yet in a branch for 19.1, nor on production/,
      )
      await record(plane, { ...iam, version: '1.0.1', commit: clone.second })
      assert.match(
        await say(plane, `release check ${MERGE_REQUEST(77)} 19.2`),
        /runs on production, but no branch for 19.2/,
      )
      assert.match(await say(plane, `release check ${MERGE_REQUEST(8)} 19.1`), /it is unknown to the git repository/)
    })

    test("GitLab's API gives the same answers, with the token and within its own project", async () => {
      const gitlab = { url: lab.url, token: 'glpat-secret', project: PROJECT, environments: { production: 'gprd' } }
      const plane = await start({ commits: { gitlab } })
      const url = (iid: number) => `${lab.url}/${PROJECT}/-/merge_requests/${iid}`
      assert.match(
        await say(plane, `auto_deploy status ${MERGED.slice(0, 9)}`),
        /monolith 19-1-auto-deploy-2026112300.*by GitLab\n.*: contained/,
      )
      assert.match(await say(plane, `release check ${url(5)} 19.1`), /released in 19.1 \(tag v19.1.0-ee\)/)
      assert.match(await say(plane, `release check ${url(5)} 19.2`), /runs on production, but no branch/)
      assert.match(await say(plane, `release check ${url(6)} 19.1`), /it is opened, not merged/)
      assert.match(await say(plane, `release check ${url(9)}`), /unknown/)
      const before = lab.asked.length
      assert.match(await say(plane, `release check ${MERGE_REQUEST(5)} 19.1`), /unknown/)
      assert.equal(lab.asked.length, before, 'a merge request of another host is nothing to ask this one about')
      assert.ok(lab.asked.every((line) => line.startsWith('glpat-secret ')))
    })

    test('an unreachable GitLab is reported, and a GitLab that hangs is waited for once', async () => {
      const hanging = new FakeGitLab(() => ({ status: 0, json: {} }))
      const failing = new FakeGitLab(() => ({ status: 502, json: {} }))
      for (const away of [hanging, failing]) {
        await away.open()
        try {
          const environments = { production: 'gprd', staging: 'gstg' }
          const gitlab = { url: away.url, token: undefined, project: PROJECT, environments }
          const plane = await start({ commits: { gitlab } })
          await record(plane, { environment: 'production', component: 'iam', version: '1.0.0', commit: DEPLOYED })
          const text = await say(plane, `auto_deploy status ${MERGED} ${'9'.repeat(40)}`)
          assert.equal(
            text.match(/monolith: not known: GitLab (?:does not answer|answers with status 502)/g)?.length,
            2,
          )
          assert.doesNotMatch(text, /unknown to|is connected/)
          if (away === hanging) assert.equal(away.asked.length, 1)
        } finally {
          await away.close()
        }
      }
    })

    test('a commit is not reported as missing from production while the monolith cannot be queried', async () => {
      const flaky = new FakeGitLab((path) => {
        if (path.includes('/deployments')) return { status: 502, json: {} }
        if (path.includes('/merge_base')) return { status: 200, json: { id: DEPLOYED } }
        return documented(path)
      })
      await flaky.open()
      try {
        const gitlab = { url: flaky.url, token: undefined, project: PROJECT, environments: { production: 'gprd' } }
        const plane = await start({ commits: { gitlab } })
        await record(plane, { environment: 'production', component: 'iam', version: '1.0.0', commit: DEPLOYED })
        const text = await say(plane, `release check ${flaky.url}/${PROJECT}/-/merge_requests/5 19.2`)
        assert.match(text, /whether production runs it is unknown/)
      } finally {
        await flaky.close()
      }
    })
  })
}

describe('an invalid answer from GitLab', () => {
  const failing = async (answer: FakeGitLab['answer']): Promise<string> => {
    const lab = new FakeGitLab(answer)
    await lab.open()
    try {
      const source = createGitLabSource({ url: lab.url, token: 'glpat-secret', project: PROJECT, environments: {} })
      await source.mergeRequest({ url: `${lab.url}/x`, project: PROJECT, iid: 5 })
      return ''
    } catch (error) {
      assert.ok(error instanceof SourceFault)
      assert.doesNotMatch(error.message, /glpat|127\.0\.0\.1/)
      return error.message
    } finally {
      await lab.close()
    }
  }

  test('is reported as such', async () => {
    assert.match(await failing(() => ({ status: 401, json: {} })), /status 401/)
    assert.match(await failing(() => ({ status: 500, json: {} })), /status 500/)
    assert.match(await failing(() => ({ status: 200, json: { state: 5 } })), /cannot be read/)
    assert.match(await failing(() => ({ status: 302, json: {}, headers: { location: '/login' } })), /status 302/)
    assert.match(await failing(() => ({ status: 0, json: {} })), /does not answer within 5 s/)
  })

  test('an invalid commit id is not accepted, nor is part of a list of refs taken for the whole', async () => {
    const merged = { state: 'merged', merge_commit_sha: '--output=/tmp/x' }
    assert.match(await failing(() => ({ status: 200, json: merged })), /cannot be read/)
    const endless = new FakeGitLab(() => ({
      ...{ status: 200, json: [{ type: 'branch', name: 'one' }], headers: { 'x-next-page': '2' } },
    }))
    await endless.open()
    try {
      const source = createGitLabSource({ url: endless.url, token: undefined, project: PROJECT, environments: {} })
      await assert.rejects(source.refsWith(MERGED), /more refs than are read/)
    } finally {
      await endless.close()
    }
  })
})
