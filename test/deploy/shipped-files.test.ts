import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, globSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { findProgram } from '../../scripts/test-parts.ts'
import { loadSettings, optionsOf, type Section, sections } from '../../src/config/index.ts'
import { ROOT } from '../support/program.ts'
import { scratchDirectory } from '../support/scratch.ts'
import { WAIT_LIMIT_MS } from '../support/wait.ts'
import {
  makeSecrets,
  readCompose,
  readDeployments,
  readManifests,
  readUnit,
  shippedCommands,
  unitFiles,
  withSecrets,
} from './shipped.ts'

const kubectl = findProgram('kubectl')
const systemdAnalyze = findProgram('systemd-analyze')

const isSection = (name: string): name is Section => name in sections
const portOf = (args: readonly string[], option: string) => {
  const value = args.find((arg) => arg.startsWith(`--${option}=`))
  return value === undefined ? undefined : Number(value.slice(value.lastIndexOf(':') + 1))
}

describe('the files under deploy/', () => {
  const scratch = scratchDirectory('deploy')
  before(() => makeSecrets(scratch.path))
  after(() => scratch.remove())

  test('create secrets that only their owner can read, also in a world-readable directory', () => {
    const existing = scratchDirectory('existing-secrets')
    const directory = existing.path
    chmodSync(directory, 0o755)
    writeFileSync(join(directory, 'admin-token'), 'kept', { mode: 0o644 })
    writeFileSync(join(directory, 'notes'), 'not a secret', { mode: 0o644 })
    makeSecrets(directory)
    const modes = readdirSync(directory).map((name) => [name, statSync(join(directory, name)).mode & 0o777] as const)
    assert.ok(modes.length > 8)
    for (const [name, mode] of modes) assert.equal(mode, name === 'notes' ? 0o644 : 0o600, name)
    assert.equal(readFileSync(join(directory, 'admin-token'), 'utf8'), 'kept')
    existing.remove()
  })

  test('trust no proxy on Kubernetes until an overlay names it', () => {
    for (const { metadata, spec } of readDeployments()) {
      const trusted = spec.template.spec.containers[0].args.filter((arg) => arg.startsWith('--trusted-proxy'))
      assert.deepEqual(trusted, [], metadata.name)
    }
  })

  test('start every part with a command line that its configuration accepts', () => {
    const commands = shippedCommands()
    assert.deepEqual(commands.map(({ args }) => args[0]).sort(), [
      ...['control', 'control', 'control', 'control', 'gateway', 'gateway', 'gateway', 'gateway', 'iam', 'iam', 'iam'],
    ])
    for (const { where, args } of commands) {
      const [section = '', ...rest] = withSecrets(args, scratch.path)
      assert.ok(isSection(section), where)
      const settings = loadSettings(section, { args: rest, env: {} })
      assert.notEqual(settings, 'help', where)
    }
  })

  test('give each part exactly the secrets that it reads', () => {
    const named = (args: readonly string[]) =>
      new Set(args.flatMap((arg) => Array.from(arg.matchAll(/\/run\/secrets\/([\w.-]+)/g), ([, name = '']) => name)))
    const { services, secrets } = readCompose()
    for (const [name, { command = [], secrets: given = [] }] of Object.entries(services)) {
      if (name !== 'postgres') assert.deepEqual(new Set(given), named(command), `compose ${name}`)
      for (const secret of given) assert.ok(secret in secrets, secret)
    }
    for (const { metadata, spec } of readDeployments()) {
      const { containers, volumes } = spec.template.spec
      const given = volumes.flatMap(({ secret }) => secret?.items.map(({ path }) => path) ?? [])
      assert.deepEqual(new Set(given), named(containers[0].args), `kubernetes ${metadata.name}`)
      const mounted = containers[0].volumeMounts.map(({ name }) => name)
      assert.deepEqual(mounted.sort(), volumes.map(({ name }) => name).sort())
    }
    for (const file of unitFiles()) {
      const given =
        readUnit(file)
          .get('LoadCredential')
          ?.map((each) => each.split(':')[0]) ?? []
      const start = readUnit(file).get('ExecStart')?.[0]?.replaceAll('%d/', '/run/secrets/') ?? ''
      assert.deepEqual(new Set(given), named([start]), file)
    }
    const made = new Set(readdirSync(scratch.path))
    assert.deepEqual(new Set(Object.keys(secrets)), made)
  })

  test('set no variable that no command reads', () => {
    const known = new Set<string>()
    for (const section of Object.keys(sections).filter(isSection)) {
      for (const { variables } of optionsOf(section)) for (const variable of variables) known.add(variable)
    }
    const files = globSync(['deploy/**/*', 'examples/proxies/**/*'], { cwd: ROOT }).filter((file) =>
      /\.\w+$/.test(file),
    )
    const unknown = files.flatMap((file) =>
      Array.from(
        readFileSync(join(ROOT, file), 'utf8').matchAll(/\b(HANDOVER_(?:GATEWAY|CONTROL|IAM|MONOLITH|UP)_\w+)/g),
      )
        .map(([, name = '']) => name)
        .filter((name) => !known.has(name) && name !== 'HANDOVER_CONTROL_URL'),
    )
    assert.deepEqual(unknown, [])
  })

  test('name the ports that the parts listen on, for probes, services and policies', () => {
    const manifests = readManifests()
    for (const { metadata, spec } of readDeployments()) {
      const { args, ports, startupProbe, livenessProbe, readinessProbe } = spec.template.spec.containers[0]
      const second = portOf(args, 'admin-listen') ?? portOf(args, 'internal-listen')
      const listening = [portOf(args, 'listen'), ...(second === undefined ? [] : [second])]
      assert.deepEqual(
        ports.map(({ containerPort }) => containerPort),
        listening,
        metadata.name,
      )
      const names = new Set(ports.map(({ name }) => name))
      for (const { httpGet } of [startupProbe, livenessProbe, readinessProbe]) {
        assert.ok(names.has(httpGet.port), `${metadata.name}: ${httpGet.port}`)
        assert.match(httpGet.path, /^\/(healthz|readyz)$/)
      }
      assert.ok(spec.template.spec.terminationGracePeriodSeconds >= 5 + 5 + 5)
      const about = (kind: string) =>
        manifests.filter(
          (each) => each.kind === kind && JSON.stringify(each).includes(`"app.kubernetes.io/name":"${metadata.name}"`),
        )
      assert.equal(about('PodDisruptionBudget').length, 1, metadata.name)
      for (const each of about('Service')) {
        const { ports: served } = (each as unknown as { spec: { ports: Array<{ targetPort: string }> } }).spec
        for (const { targetPort } of served) assert.ok(names.has(targetPort), `${metadata.name}: ${targetPort}`)
      }
      const policies = manifests.filter(
        (each) => each.kind === 'NetworkPolicy' && (each['metadata'] as { name: string }).name === metadata.name,
      )
      const rules = policies.flatMap(
        (each) => (each as unknown as { spec: { ingress: Array<{ ports: Array<{ port: string }> }> } }).spec.ingress,
      )
      assert.deepEqual(new Set(rules.flatMap((rule) => rule.ports.map(({ port }) => port))), names, metadata.name)
    }
  })

  test('let only the named clients reach the internal port of IAM', () => {
    const policies = readManifests().filter(({ kind }) => kind === 'NetworkPolicy')
    const iam = policies.find((each) => (each['metadata'] as { name: string }).name === 'iam') as unknown as {
      spec: {
        ingress: Array<{ from: Array<{ podSelector?: { matchLabels: object } }>; ports: Array<{ port: string }> }>
      }
    }
    const rules = iam.spec.ingress.filter(({ ports }) => ports.some(({ port }) => port === 'internal'))
    const callers = rules.flatMap(({ from }) => from.map(({ podSelector }) => podSelector?.matchLabels))
    assert.deepEqual(callers, [
      { 'app.kubernetes.io/name': 'control' },
      { 'handover.io/calls-iam': 'true' },
      { 'app.kubernetes.io/name': 'prometheus' },
    ])
    const all = policies.find((each) => (each['metadata'] as { name: string }).name === 'nothing-unless-named')
    assert.deepEqual(all?.['spec'], { podSelector: {}, policyTypes: ['Ingress'] })
  })

  test('copy only existing files into the image, and run as an unprivileged user', () => {
    const text = readFileSync(join(ROOT, 'deploy/Containerfile'), 'utf8')
    const copied = Array.from(text.matchAll(/^COPY (?!--from)(.+) \S+$/gm), ([, sources = '']) =>
      sources.split(' '),
    ).flat()
    for (const source of copied) assert.ok(existsSync(join(ROOT, source)), source)
    for (const needed of ['src', 'flags', 'package.json', 'deploy/healthcheck.mjs']) assert.ok(copied.includes(needed))
    const allowed = readFileSync(join(ROOT, 'deploy/Containerfile.dockerignore'), 'utf8').split('\n')
    assert.equal(
      allowed.find((line) => !line.startsWith('#')),
      '*',
    )
    for (const source of copied) assert.ok(allowed.includes(`!${source}`), `${source} does not reach the build`)
    assert.match(text, /^USER 10001:10001$/m)
    assert.match(text, /^ENTRYPOINT \["node", "src\/main\.ts"\]$/m)
    for (const [, image] of text.matchAll(/^FROM (\S+)/gm)) assert.equal(image, '$' + '{NODE_IMAGE}')
    assert.ok(Object.values(readCompose().services).every(({ user }) => user !== 'root'))
  })

  test('are accepted by kustomize as they are', { skip: kubectl === undefined && 'no kubectl here' }, () => {
    for (const directory of ['base', 'example-overlay']) {
      const built = spawnSync(kubectl ?? '', ['kustomize', join(ROOT, 'deploy/kubernetes', directory)], {
        encoding: 'utf8',
        timeout: WAIT_LIMIT_MS,
      })
      assert.equal(built.status, 0, built.stderr)
      assert.match(built.stdout, /image: registry\.example\.com\/handover:0\.1\.0/)
    }
  })

  test('are accepted by systemd', {
    skip: systemdAnalyze === undefined && 'no systemd-analyze here',
  }, () => {
    const files = unitFiles().map((file) => {
      const path = join(scratch.path, file.slice(file.lastIndexOf('/') + 1))
      writeFileSync(path, readFileSync(join(ROOT, file), 'utf8').replace('/opt/handover/node', '/bin/true'))
      return path
    })
    const verified = spawnSync(systemdAnalyze ?? '', ['verify', ...files], { encoding: 'utf8', timeout: WAIT_LIMIT_MS })
    assert.deepEqual([verified.status, verified.stderr], [0, ''])
  })
})
