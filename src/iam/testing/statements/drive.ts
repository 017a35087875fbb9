import { setTimeout as sleep } from 'node:timers/promises'
import { INTERNAL_PATHS } from '../../../handoff/index.ts'
import { Browser } from '../browser.ts'
import { authorizeUrl, confidential, exchange, postForm, publicClient, replicateAll, SECRET } from '../clients.ts'
import { alice, type Platform } from '../platform.ts'

const own = { client_id: confidential.client_id, client_secret: SECRET }
const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code'

/** Sends every kind of request that an IAM auth service handles, external and internal. */
export async function driveIam(platform: Platform): Promise<void> {
  await replicateAll(platform)
  const { pair, code } = await signIn(platform)
  const refreshed = await refresh(platform, pair.refresh)
  await usePair(platform, refreshed.access)
  await refresh(platform, pair.refresh)
  await exchange(platform, code)
  const device = await deviceFlow(platform)
  const { json } = await postForm(platform, '/oauth/token', { grant_type: 'client_credentials', ...own })
  const machine = String(json['access_token'])
  await postForm(platform, '/oauth/token', {
    grant_type: 'password',
    username: 'alice',
    password: 'alice-password-1',
    ...own,
  })
  for (const token of [machine, device.access, device.refresh, 'unknown']) {
    await postForm(platform, '/oauth/introspect', { token, ...own })
    await platform.internal('POST', INTERNAL_PATHS.introspect, { token })
    await postForm(platform, '/oauth/revoke', { token, ...own })
  }
  await fetch(`${platform.origin}/oauth/discovery/keys`)
  await inside(platform)
}

async function signIn(platform: Platform): Promise<{ pair: { access: string; refresh: string }; code: string }> {
  const browser = new Browser(platform.origin)
  let code = ''
  let json: Record<string, unknown> = {}
  // The second time, the consent from the first time still applies.
  for (let time = 0; time < 2; time++) {
    const visit = await browser.go(authorizeUrl(confidential, { scope: 'openid' }))
    code = visit.location?.searchParams.get('code') ?? ''
    json = (await exchange(platform, code)).json
  }
  if (typeof json['id_token'] !== 'string') throw new Error(`the code flow gave ${JSON.stringify(Object.keys(json))}`)
  return { pair: { access: String(json['access_token']), refresh: String(json['refresh_token']) }, code }
}

async function refresh(platform: Platform, token: string): Promise<{ access: string }> {
  const form = { grant_type: 'refresh_token', refresh_token: token, ...own }
  const { json } = await postForm(platform, '/oauth/token', form)
  return { access: String(json['access_token']) }
}

async function usePair(platform: Platform, access: string): Promise<void> {
  const headers = { authorization: `Bearer ${access}` }
  for (const path of ['/oauth/userinfo', '/oauth/token/info']) {
    const answer = await fetch(platform.origin + path, { headers })
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status}`)
    await answer.text()
  }
}

async function deviceFlow(platform: Platform): Promise<{ access: string; refresh: string }> {
  const started = await postForm(platform, '/oauth/authorize_device', { ...own, scope: 'api' })
  const { device_code, user_code } = started.json as Record<string, string>
  const poll = () => postForm(platform, '/oauth/token', { grant_type: DEVICE, device_code: device_code ?? '', ...own })
  await poll()
  const path = `${INTERNAL_PATHS.deviceAccept}?user_code=${user_code}`
  await platform.internal('GET', `${INTERNAL_PATHS.device}?user_code=${user_code}`)
  await platform.internal('PUT', path.replace(user_code ?? '', 'WRONG123'), alice)
  await platform.internal('PUT', path, alice)
  await sleep(1_100)
  const { json } = await poll()
  return { access: String(json['access_token']), refresh: String(json['refresh_token']) }
}

async function inside(platform: Platform): Promise<void> {
  await platform.internal('GET', INTERNAL_PATHS.clients)
  await platform.internal(
    'GET',
    `${INTERNAL_PATHS.securityEvents}?since=${new Date(Date.now() - 60_000).toISOString()}`,
  )
  await platform.internal('GET', INTERNAL_PATHS.keys)
  await (await fetch(`${platform.iam.internalUrl}/metrics`)).text()
  await platform.internal('GET', INTERNAL_PATHS.credentials)
  await platform.internal('GET', `${INTERNAL_PATHS.grants}?subject=11`)
  const grant = { subject: alice.subject, client_id: confidential.client_id }
  await platform.internal('GET', `${INTERNAL_PATHS.grants}?${new URLSearchParams(grant)}`)
  await platform.internal('POST', INTERNAL_PATHS.grantsRevoke, grant)
  await platform.internal('POST', INTERNAL_PATHS.grantsRevoke, { subject: '11', client_id: 'filled-2' })
  const revocation = { client_id: confidential.client_id, confirm: confidential.client_id }
  await platform.internal('POST', INTERNAL_PATHS.credentialsRevoke, revocation)
  const removed = `${INTERNAL_PATHS.clients}/${publicClient.client_id}?version=2`
  const { status } = await platform.internal('DELETE', removed)
  if (status !== 200) throw new Error(`removal: ${status}`)
}
