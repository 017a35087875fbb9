import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { SignJWT } from 'jose'
import { IAM_PREFIXES } from '../../src/credentials/index.ts'
import type { Tokens } from '../e2e/clients/client.ts'
import { type SeedClient, traveller } from '../e2e/clients/journey.ts'
import { openidClient } from '../e2e/clients/openid-client.ts'
import { SEED, type System } from '../e2e/system.ts'
import { Browser } from '../support/browser.ts'
import { eventually } from '../support/wait.ts'

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }
const { clients } = JSON.parse(readFileSync(SEED, 'utf8')) as { clients: Record<string, SeedClient> }

/** The number of applications. */
export const APPLICATIONS = Object.keys(clients).length

/** The application that moves. */
export function movedApplication(): SeedClient {
  const { conf } = clients
  assert.ok(conf)
  return conf
}

/**
 * Exercises everything once: sign-ins, refreshes and revocations on both sides, unauthenticated requests, requests to
 * the routing endpoint. Returns the values that no log or metric may contain.
 */
export async function causeTraffic(system: System): Promise<string[]> {
  const moved = movedApplication()
  const client = await traveller(openidClient, system.issuer, moved)
  const secrets = [moved.secret, 'alice-password-1']
  const goThrough = async (tokens: Tokens) => {
    await client.userinfo(tokens)
    const renewed = await client.refresh(tokens)
    await client.introspect(renewed.access)
    await client.revoke(renewed)
    for (const { access, refresh } of [tokens, renewed]) secrets.push(access, refresh ?? access)
  }
  await goThrough(await client.signIn(new Browser()))
  const flag = ['proxy_oauth_requests_to_iam_service', 'true', `--oauth-application=${moved.id}`]
  const set = await system.handover('flag', 'set', ...flag)
  assert.equal(set.code, 0, set.stdout + set.stderr)
  const onIam = await eventually('a sign-in on IAM', async () => {
    const tokens = await client.signIn(new Browser())
    return tokens.access.startsWith(IAM_PREFIXES.access_token) ? tokens : undefined
  })
  await goThrough(onIam)
  const wrong = `grant_type=client_credentials&client_id=${moved.uid}&client_secret=planted-password`
  await fetch(`${system.issuer}/oauth/token`, { method: 'POST', headers: FORM, body: wrong })
  await causeNoise(system.issuer)
  await askRouting(system, moved.uid)
  return secrets
}

async function causeNoise(issuer: string): Promise<void> {
  const send = async (path: string, body?: string) => {
    const options = body === undefined ? {} : { method: 'POST', headers: FORM, body }
    await (await fetch(issuer + path, { redirect: 'manual', ...options })).arrayBuffer()
  }
  await send('/oauth/authorize?client_id=nobody-knows-me&state=planted-state')
  await send('/oauth/authorize')
  await send('/oauth/token', 'grant_type=password&username=planted-user&password=planted-password&client_id=nobody')
  await send('/oauth/revoke', 'token=planted-token')
  await send('/oauth/token', `grant_type=refresh_token&refresh_token=planted-refresh`)
  await send('/oauth/token', 'x'.repeat((1 << 20) + 1))
  await send('/oauth/discovery/keys')
}

async function askRouting(system: System, clientId: string): Promise<void> {
  const secret = Buffer.from(readFileSync(join(system.dataDir, 'routing-secret'), 'utf8').trim(), 'base64')
  const token = await new SignJWT({ iss: 'gitlab-workhorse' })
    .setProtectedHeader({ alg: 'HS256' })
    .setIssuedAt()
    .sign(secret)
  const signed = { 'gitlab-workhorse-api-request': token }
  for (const headers of [signed, {}]) {
    const url = `${system.controlUrl}/-/oauth/iam_routing?client_id=${clientId}`
    await (await fetch(url, { method: 'POST', headers })).arrayBuffer()
  }
}
