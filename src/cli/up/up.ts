import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Claim } from '../../authorization-server/index.ts'
import { ensureSecretFile, loadSettings, readKeyFile, readSecretFile, type Settings } from '../../config/index.ts'
import { type ProbeSettings, startControlPlane } from '../../control-plane/index.ts'
import { type DemoApplication, startDemo } from '../../demo/index.ts'
import { startIam } from '../../iam/index.ts'
import { type SeedDocument, startMonolith } from '../../monolith/index.ts'
import type { Log } from '../../observability/index.ts'
import { claimDataDirectory, type Database, openDatabase } from '../../storage/index.ts'
import { sectionHelp, version } from '../help.ts'
import type { CommandIo } from '../io.ts'
import { asConfigError, CONSOLE_DIRECTORY, DEFINITIONS_DIRECTORY } from '../servers/control.ts'
import { seedOf } from '../servers/monolith.ts'
import { closeParts, type RunningPart, runUntilStopped, untilSignal } from '../servers/run-part.ts'
import { shownClaimsOf } from '../servers/settings/claims.ts'
import { defaultLimits } from '../servers/settings/limits.ts'
import { tokenSettings } from '../servers/settings/token-settings.ts'
import { prepareConsole, signInLink } from './up-console.ts'
import { currentSide, demoCommand, demoData } from './up-demo.ts'
import { startGatewayProcess } from './up-gateway.ts'
import { jsonOutput, readableOutput, type UpOutput } from './up-output.ts'
import { addressesOf, assertPortsFree, planUp, type UpPlan } from './up-plan.ts'
import { twinData } from './up-twins.ts'

/** `handover up`: the whole system on this machine, on one embedded database, with the gateway in its own process. */
export async function runUp(args: readonly string[], io: CommandIo): Promise<number> {
  const settings = loadSettings('up', { args, env: io.env })
  if (settings === 'help') {
    io.stdout.write(sectionHelp('up', 'Runs the whole system on this machine, with an embedded database.'))
    return 0
  }
  const plan = planUp(settings.data_dir, settings.port_base)
  const seed = seedOf('up', settings, plan.issuer)
  const claims = shownClaimsOf('up', settings)
  const { gateway, gatewayAdmin, control, iam, iamInternal, monolith, demo } = plan
  const ports = [gateway, gatewayAdmin, control, iam, iamInternal, monolith]
  await assertPortsFree(settings.no_demo ? ports : [...ports, demo])
  const directory = await claimDataDirectory(plan.dataDir)
  const parts: RunningPart[] = [{ close: async () => directory.release() }]
  writeFileSync(plan.files.addresses, `${JSON.stringify(addressesOf(plan), undefined, 2)}\n`)
  const { log_json, log_level } = settings
  const output = log_json ? jsonOutput(log_level) : readableOutput(log_level, plan.files.log)
  const tell = (text: string) => io.stderr.write(`handover: ${text}\n`)
  // A signal during the start takes effect when the parts that are starting can be stopped cleanly.
  const asked = untilSignal()
  const consoleBuilt = prepareConsole(tell)
  try {
    await startParts(plan, { ...settings, claims }, { seed, asked }, output, parts, tell)
    await consoleBuilt
  } catch (error) {
    tell(`startup failed; stopping the parts that started: ${(error as Error).message}`)
    await closeParts(parts, output.log('up'))
    throw error
  }
  const link = await signInLink(plan).catch((error: unknown) => {
    tell(`cannot create a link to the console: ${(error as Error).message}`)
    return undefined
  })
  io.stdout.write(banner(plan, settings, { hasDemoUsers: seed === undefined, logsToFile: !log_json, link }))
  return runUntilStopped(parts, output.log('up'), asked)
}

type UpSettings = Settings<'up'> & { readonly claims: readonly Claim[]; readonly probes?: ProbeSettings | undefined }

async function startParts(
  plan: UpPlan,
  settings: UpSettings,
  { seed: givenSeed, asked }: { readonly seed: SeedDocument | undefined; readonly asked: Promise<string> },
  output: UpOutput,
  parts: RunningPart[],
  tell: (text: string) => void,
): Promise<void> {
  const { files } = plan
  const { gatewayToken, replicationToken, routingSecret, internalToken, verifierKey, sealingKey, stateKey } = files
  const made = [gatewayToken, replicationToken, routingSecret, internalToken, verifierKey, sealingKey, stateKey]
  for (const file of [...made, files.markCheckSecret, files.monolithAdminToken]) ensureSecretFile('--data-dir', file)
  const demo = settings.no_demo ? undefined : demoData(plan, givenSeed, settings)
  const probed = demo && twinData(plan, demo.seed, settings)
  tell('opening the embedded database …')
  const database = await openDatabase({ kind: 'embedded', dataDir: plan.dataDir, log: output.log('up') })
  parts.push(database)
  tell('starting control plane, IAM auth service and monolith …')
  const starting = [
    startControl(plan, { ...settings, probes: probed?.probes }, database, output.log('control')).catch(
      (error: unknown) => {
        throw asConfigError(error)
      },
    ),
    startIamPart(plan, settings, database, output.log('iam')),
    startMonolithPart(plan, settings, database, probed?.seed ?? givenSeed, output.log('monolith')),
  ] as const
  const started = await Promise.allSettled(starting)
  for (const part of started) if (part.status === 'fulfilled') parts.push(part.value)
  const failed = started.find((part) => part.status === 'rejected')
  if (failed) throw failed.reason
  // Last, so that it finds the other parts and logs no warnings.
  const options = {
    testControls: settings.test_controls,
    checksMarks: demo !== undefined,
    logLevel: settings.log_level,
    output,
  }
  const gateway = startGatewayProcess(plan, options, output.log('up'))
  parts.push(gateway)
  if (demo) parts.push(await startDemoPart(plan, demo.applications, output.log('demo')))
  tell('waiting for the gateway and for replication of the applications …')
  await gateway.whenReady()
  const { replicator } = await starting[2]
  if (!(await Promise.race([replicator.whenDelivered(20_000), asked])))
    tell('some applications have not been replicated yet; replication continues')
}

function startControl(plan: UpPlan, settings: UpSettings, database: Database, log: Log) {
  const { files } = plan
  return startControlPlane(
    {
      listen: plan.control,
      database,
      definitionsDirectory: DEFINITIONS_DIRECTORY,
      consoleDirectory: CONSOLE_DIRECTORY,
      adminTokenFile: files.adminToken,
      tokens: [
        { role: 'gateway', name: 'gateway', file: files.gatewayToken },
        { role: 'replication', name: 'replication', file: files.replicationToken },
      ],
      routingSecretFile: files.routingSecret,
      iamByDefault: settings.iam_by_default,
      probes: settings.probes,
      testControls: settings.test_controls,
      credentialMarks: { verifierKey: readKeyFile('--data-dir', files.verifierKey) },
      iam: {
        url: `http://${plan.iamInternal.host}:${plan.iamInternal.port}`,
        token: readSecretFile('--data-dir', files.internalToken),
      },
    },
    log,
  )
}

function startIamPart(plan: UpPlan, settings: UpSettings, database: Database, log: Log) {
  return startIam(
    {
      listen: plan.iam,
      internalListen: plan.iamInternal,
      issuer: plan.issuer,
      database,
      internalToken: readSecretFile('--data-dir', plan.files.internalToken),
      verifierKey: readKeyFile('--data-dir', plan.files.verifierKey),
      limits: defaultLimits().requests,
      userCodeLimits: defaultLimits().userCodes,
      resourceOwnerUrl: `http://${plan.monolith.host}:${plan.monolith.port}/-/iam/resource_owner`,
      version: version(),
      testControls: settings.test_controls,
      protocol: {
        ...tokenSettings(settings),
        policy: { preset: settings.policy },
        claims: settings.claims,
        doorkeeperVersion: settings.doorkeeper_version,
        sealingKey: readKeyFile('--data-dir', plan.files.sealingKey),
      },
    },
    log,
  )
}

function startMonolithPart(
  plan: UpPlan,
  settings: UpSettings,
  database: Database,
  seed: SeedDocument | undefined,
  log: Log,
) {
  return startMonolith(
    {
      listen: plan.monolith,
      issuer: plan.issuer,
      doorkeeperVersion: settings.doorkeeper_version,
      policy: { preset: settings.policy },
      tokens: tokenSettings(settings),
      claims: settings.claims,
      database,
      seed,
      limits: defaultLimits(),
      iam: {
        internalUrl: `http://${plan.iamInternal.host}:${plan.iamInternal.port}`,
        token: readSecretFile('--data-dir', plan.files.internalToken),
      },
      control: {
        url: `http://${plan.control.host}:${plan.control.port}`,
        token: readSecretFile('--data-dir', plan.files.replicationToken),
      },
      testControls: settings.test_controls,
      stateKey: readKeyFile('--data-dir', plan.files.stateKey),
      adminToken: readSecretFile('--data-dir', plan.files.monolithAdminToken),
    },
    log,
  )
}

function startDemoPart(plan: UpPlan, applications: readonly DemoApplication[], log: Log) {
  const { issuer, demo: listen } = plan
  const sideOf = (application: DemoApplication) => currentSide(plan, application)
  const command = (text: string) => demoCommand(plan, text)
  return startDemo({ listen, issuer, applications, sideOf, command }, log)
}

function banner(
  plan: UpPlan,
  settings: Settings<'up'>,
  told: {
    readonly hasDemoUsers: boolean
    readonly logsToFile: boolean
    readonly link: { readonly url: string; readonly seconds: number } | undefined
  },
): string {
  const url = (address: { host: string; port: number }) => `http://${address.host}:${address.port}`
  const lines = [
    '',
    'Handover is running. Ctrl-C stops it.',
    '',
    ...(told.link ? consoleLines(plan, told.link) : []),
    `  Gateway           ${url(plan.gateway)}   clients and browsers connect here (admin: ${url(plan.gatewayAdmin)})`,
    `  Control plane     ${url(plan.control)}`,
    `  IAM auth service  ${url(plan.iam)}`,
    `  Monolith          ${url(plan.monolith)}`,
    ...(settings.no_demo ? [] : [`  Demo client       ${url(plan.demo)}   open this one`]),
    '',
    `  Administrator's token: ${join(plan.dataDir, 'admin-token')}`,
    ...(told.logsToFile ? [`  Log as JSON: ${plan.files.log}`] : []),
    ...(settings.no_demo || !told.hasDemoUsers
      ? []
      : ['  Sign in as alice with alice-password-1, or as bob with bob-password-2.']),
    '',
  ]
  return `${lines.join('\n')}\n`
}

function consoleLines(plan: UpPlan, { url, seconds }: { readonly url: string; readonly seconds: number }): string[] {
  return [
    '  Open the console with this link:',
    '',
    `  ${url}`,
    '',
    `  It signs you in once, within ${seconds / 60} minutes; for another one, run ${demoCommand(plan, 'sign-in')}`,
    '',
  ]
}
