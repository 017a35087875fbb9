import { spawnSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, parseAllDocuments } from 'yaml'
import { z } from 'zod'
import { ROOT } from '../support/program.ts'

/** A command line in a file under deploy/, as that platform would start it. */
export interface ShippedCommand {
  readonly where: string
  readonly args: readonly string[]
}

const service = z.object({
  command: z.array(z.string()).optional(),
  read_only: z.boolean().optional(),
  user: z.string().optional(),
  secrets: z.array(z.string()).optional(),
  ports: z.array(z.string()).optional(),
  volumes: z.array(z.string()).optional(),
  environment: z.record(z.string(), z.string()).optional(),
  depends_on: z.record(z.string(), z.unknown()).optional(),
})
const compose = z.object({
  services: z.record(z.string(), service),
  secrets: z.record(z.string(), z.object({ file: z.string() })),
  volumes: z.record(z.string(), z.unknown()),
})

/** The compose file, with its variables as a newcomer would set them. */
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

const port = z.object({ name: z.string(), containerPort: z.int() })
const probe = z.object({ httpGet: z.object({ path: z.string(), port: z.string() }) })
const deployment = z.object({
  metadata: z.object({ name: z.string() }),
  spec: z.object({
    template: z.object({
      spec: z.object({
        terminationGracePeriodSeconds: z.int(),
        securityContext: z.object({ runAsNonRoot: z.literal(true), seccompProfile: z.object({ type: z.string() }) }),
        containers: z.tuple([
          z.object({
            args: z.array(z.string()),
            ports: z.array(port),
            securityContext: z.object({
              readOnlyRootFilesystem: z.literal(true),
              allowPrivilegeEscalation: z.literal(false),
            }),
            startupProbe: probe,
            livenessProbe: probe,
            readinessProbe: probe,
            volumeMounts: z.array(z.object({ name: z.string(), mountPath: z.string() })),
          }),
        ]),
        volumes: z.array(
          z.object({
            name: z.string(),
            secret: z.object({ items: z.array(z.object({ key: z.string(), path: z.string() })) }).optional(),
          }),
        ),
      }),
    }),
  }),
})

/** The deployments among the manifests; each must be hardened as the schema says. */
export function readDeployments(): z.infer<typeof deployment>[] {
  return readManifests()
    .filter(({ kind }) => kind === 'Deployment')
    .map((each) => deployment.parse(each))
}

/** What a unit of systemd says, by key; a key may come more than once. */
export function readUnit(file: string): ReadonlyMap<string, readonly string[]> {
  const values = new Map<string, string[]>()
  for (const line of readFileSync(join(ROOT, file), 'utf8').replaceAll('\\\n', ' ').split('\n')) {
    const [, key, value] = /^(\w+)=(.*)$/.exec(line) ?? []
    if (key !== undefined) values.set(key, [...(values.get(key) ?? []), value ?? ''])
  }
  return values
}

/** The units, as paths in the repository. */
export function unitFiles(): string[] {
  return globSync('deploy/systemd/*.service', { cwd: ROOT }).sort()
}

/** Every command line of ours under deploy/, with the places of secrets and state as they would be there. */
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

/** Makes the secrets with the script that is shipped for it. */
export function makeSecrets(directory: string): void {
  const made = spawnSync('sh', [join(ROOT, 'deploy/make-secrets.sh'), directory], { timeout: 20_000, encoding: 'utf8' })
  if (made.status !== 0) throw new Error(`make-secrets.sh: ${made.stderr}`)
}

/** A command's arguments with the secrets of `directory` in place of those in the container. */
export function withSecrets(args: readonly string[], directory: string): string[] {
  return args.map((arg) => arg.replaceAll('/run/secrets', directory))
}
