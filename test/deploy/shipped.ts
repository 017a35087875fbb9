import { spawnSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, parseAllDocuments } from 'yaml'
import { z } from 'zod'
import { ROOT } from '../support/program.ts'
import { WAIT_LIMIT_MS } from '../support/wait.ts'

/** A command line in a file under deploy/, as its platform would start it. */
export interface ShippedCommand {
  readonly where: string
  readonly args: readonly string[]
}

/** The part of the Compose specification that the file uses; anything else in it is a mistake. */
const service = z.strictObject({
  image: z.string(),
  build: z.strictObject({ context: z.string(), dockerfile: z.string() }).optional(),
  restart: z.literal('unless-stopped').optional(),
  init: z.boolean().optional(),
  cap_drop: z.tuple([z.literal('ALL')]).optional(),
  security_opt: z.array(z.string()).optional(),
  stop_grace_period: z.string().optional(),
  extra_hosts: z.array(z.string()).optional(),
  networks: z.array(z.string()).optional(),
  network_mode: z.string().optional(),
  tmpfs: z.array(z.string()).optional(),
  entrypoint: z.array(z.string()).optional(),
  profiles: z.array(z.string()).optional(),
  healthcheck: z
    .strictObject({ test: z.array(z.string()), interval: z.string(), timeout: z.string(), retries: z.int() })
    .optional(),
  command: z.array(z.string()).optional(),
  read_only: z.boolean().optional(),
  user: z.string().optional(),
  secrets: z.array(z.string()).optional(),
  ports: z.array(z.string()).optional(),
  volumes: z.array(z.string()).optional(),
  environment: z.record(z.string(), z.string()).optional(),
  depends_on: z
    .record(z.string(), z.strictObject({ condition: z.enum(['service_healthy', 'service_completed_successfully']) }))
    .optional(),
})
const compose = z.looseObject({
  services: z.record(z.string(), service),
  secrets: z.record(z.string(), z.object({ file: z.string() })),
  volumes: z.record(z.string(), z.unknown()),
})

/** The compose file, with the variables that a newcomer would set. */
export function readCompose(): z.infer<typeof compose> {
  const text = readFileSync(join(ROOT, 'deploy/compose/compose.yaml'), 'utf8')
  const values: Record<string, string> = {
    LEGACY_URL: 'http://host.docker.internal:3000',
    PUBLIC_URL: 'https://platform.example.com',
  }
  const filled = text.replaceAll(
    /\$\{(\w+)(?::[-?]([^}]*))?\}/g,
    (_, name: string, fallback = '') => values[name] ?? fallback,
  )
  return compose.parse(parse(filled, { merge: true }))
}

/** Every object of the Kubernetes base, as written. */
export function readManifests(): Array<Record<string, unknown> & { readonly kind: string }> {
  const files = globSync('deploy/kubernetes/base/*.yaml', { cwd: ROOT }).sort()
  return files.flatMap((file) =>
    parseAllDocuments(readFileSync(join(ROOT, file), 'utf8')).map((document) => {
      if (document.errors.length > 0) throw new Error(`${file}: ${document.errors[0]?.message}`)
      return document.toJS() as Record<string, unknown> & { kind: string }
    }),
  )
}

const port = z.strictObject({ name: z.string(), containerPort: z.int() })
const probe = z.strictObject({
  httpGet: z.strictObject({ path: z.string(), port: z.string() }),
  periodSeconds: z.int(),
  timeoutSeconds: z.int().optional(),
  failureThreshold: z.int(),
})
const deployment = z.object({
  metadata: z.object({ name: z.string() }),
  spec: z.object({
    template: z.object({
      spec: z.strictObject({
        automountServiceAccountToken: z.literal(false),
        enableServiceLinks: z.literal(false),
        topologySpreadConstraints: z.array(
          z.strictObject({
            maxSkew: z.int(),
            topologyKey: z.string(),
            whenUnsatisfiable: z.literal('ScheduleAnyway'),
            labelSelector: z.strictObject({ matchLabels: z.record(z.string(), z.string()) }),
          }),
        ),
        terminationGracePeriodSeconds: z.int(),
        securityContext: z.strictObject({
          runAsNonRoot: z.literal(true),
          runAsUser: z.int().positive(),
          runAsGroup: z.int().positive(),
          fsGroup: z.int().positive(),
          seccompProfile: z.strictObject({ type: z.literal('RuntimeDefault') }),
        }),
        containers: z.tuple([
          z.strictObject({
            name: z.string(),
            image: z.literal('handover'),
            lifecycle: z.strictObject({
              preStop: z.strictObject({ exec: z.strictObject({ command: z.array(z.string()) }) }),
            }),
            resources: z.strictObject({
              requests: z.strictObject({ cpu: z.string(), memory: z.string() }),
              limits: z.strictObject({ memory: z.string() }),
            }),
            args: z.array(z.string()),
            ports: z.array(port),
            securityContext: z.strictObject({
              readOnlyRootFilesystem: z.literal(true),
              allowPrivilegeEscalation: z.literal(false),
              capabilities: z.strictObject({ drop: z.tuple([z.literal('ALL')]) }),
            }),
            startupProbe: probe,
            livenessProbe: probe,
            readinessProbe: probe,
            volumeMounts: z.array(
              z.strictObject({ name: z.string(), mountPath: z.string(), readOnly: z.literal(true).optional() }),
            ),
          }),
        ]),
        volumes: z.array(
          z.strictObject({
            name: z.string(),
            secret: z
              .strictObject({
                secretName: z.string(),
                defaultMode: z.int(),
                items: z.array(z.strictObject({ key: z.string(), path: z.string() })),
              })
              .optional(),
            emptyDir: z.strictObject({ sizeLimit: z.string() }).optional(),
          }),
        ),
      }),
    }),
  }),
})

/** The deployments among the manifests; each must be hardened as the schema requires. */
export function readDeployments(): z.infer<typeof deployment>[] {
  return readManifests()
    .filter(({ kind }) => kind === 'Deployment')
    .map((each) => deployment.parse(each))
}

/** The content of a unit of this repository; see {@link readUnitFile}. */
export function readUnit(file: string): ReadonlyMap<string, readonly string[]> {
  return readUnitFile(join(ROOT, file))
}

/** The settings of a systemd unit, by key; a key may occur more than once. */
export function readUnitFile(path: string): ReadonlyMap<string, readonly string[]> {
  const values = new Map<string, string[]>()
  for (const line of readFileSync(path, 'utf8').replaceAll('\\\n', ' ').split('\n')) {
    const [, key, value] = /^(\w+)=(.*)$/.exec(line) ?? []
    if (key !== undefined) values.set(key, [...(values.get(key) ?? []), value ?? ''])
  }
  return values
}

/** The units, as paths in the repository. */
export function unitFiles(): string[] {
  return globSync('deploy/systemd/*.service', { cwd: ROOT }).sort()
}

/** Every `handover` command line under deploy/, with the paths of secrets and state as they are there. */
export function shippedCommands(): ShippedCommand[] {
  const services = Object.entries(readCompose().services)
  const units = unitFiles().map((file) => ({ file, start: readUnit(file).get('ExecStart')?.[0] ?? '' }))
  return [
    ...services.flatMap(([name, { command }]) =>
      command === undefined || command[0] === 'valkey-server' ? [] : [{ where: `compose ${name}`, args: command }],
    ),
    ...readDeployments().map(({ metadata, spec }) => ({
      where: `kubernetes ${metadata.name}`,
      args: spec.template.spec.containers[0].args,
    })),
    ...units.map(({ file, start }) => ({
      where: file,
      args: start.replaceAll('%d/', '/run/secrets/').replaceAll('%S/', '/var/lib/').split(/\s+/).slice(2),
    })),
  ]
}

/** Creates the secrets with the shipped script, for `owner` if one is given. */
export function makeSecrets(directory: string, owner?: number): void {
  const args = [join(ROOT, 'deploy/make-secrets.sh'), directory, ...(owner === undefined ? [] : [String(owner)])]
  const made = spawnSync('sh', args, { timeout: WAIT_LIMIT_MS, encoding: 'utf8' })
  if (made.status !== 0) throw new Error(`make-secrets.sh: ${made.stderr}`)
}

/** A command's arguments with the secrets of `directory` in place of those in the container. */
export function withSecrets(args: readonly string[], directory: string): string[] {
  return args.map((arg) => arg.replaceAll('/run/secrets', directory))
}
