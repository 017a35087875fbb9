import { setTimeout as sleep } from 'node:timers/promises'
import { Browser, consentForm, filledSignIn, redirectOf, signInForm, userCodeForm } from '../browser/browser.ts'
import { faultOf, StepFault } from '../trace.ts'
import { oauthErrorOf, type ProbeAnswer, send } from '../wire.ts'
import { clientRequest, type Grant, grantIn, type Walk } from './token.ts'

const MAX_PAGES = 12
const MAX_POLLS = 3
const MAX_INTERVAL_S = 10
const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code'

interface Device {
  readonly deviceCode: string
  readonly userCode: string
  readonly address: string
  readonly intervalS: number
}

/** The device flow (RFC 8628), with the approval of the user on the device page. Rejects with `StepFailure`. */
export async function device(walk: Walk): Promise<Grant> {
  const begun = await begin(walk)
  await approve(walk, begun)
  return poll(walk, begun)
}

function begin({ twin, wire, trace }: Walk): Promise<Device> {
  return trace.step(
    'authorize_device',
    () => send(wire, clientRequest(twin, '/oauth/authorize_device', { scope: twin.scope })),
    (answer) => {
      if (answer.status !== 200 || answer.json === undefined) return faultOf(answer)
      const { device_code, user_code, verification_uri, verification_uri_complete, interval } = answer.json
      const address = verification_uri_complete ?? verification_uri
      if (typeof device_code !== 'string' || typeof user_code !== 'string') return new StepFault('missing_device_code')
      if (typeof address !== 'string' || !URL.canParse(address, wire.origin)) {
        return new StepFault('missing_verification_uri')
      }
      const intervalS = typeof interval === 'number' ? Math.min(Math.max(interval, 0), MAX_INTERVAL_S) : 5
      return { deviceCode: device_code, userCode: user_code, address, intervalS }
    },
  )
}

/** Enters the code once, confirms it if a page repeats it, and ends at the page after that. */
async function approve({ twin, wire, trace }: Walk, begun: Device): Promise<void> {
  const browser = new Browser(wire)
  let hasSignedIn = false
  let hasEntered = false
  let step = 'device_page'
  let go: (() => Promise<ProbeAnswer>) | undefined = () => browser.open(begun.address)
  for (let page = 0; page < MAX_PAGES && go !== undefined; page++) {
    const request: () => Promise<ProbeAnswer> = go
    go = undefined
    await trace.step(step, request, (answer) => {
      const target = redirectOf(answer)
      if (target !== undefined) {
        step = /sign_in|login/.test(target.pathname) ? 'sign_in_page' : 'device_page'
        go = () => browser.open(target)
        return true
      }
      if (answer.status >= 400) return faultOf(answer)
      const signIn = signInForm(answer)
      if (signIn !== undefined) {
        if (hasSignedIn || twin.user === undefined) return new StepFault('sign_in_refused')
        hasSignedIn = true
        const filledIn = filledSignIn(signIn, twin.user)
        step = 'sign_in'
        go = () => browser.submit(signIn, filledIn)
        return true
      }
      const form = userCodeForm(answer)
      const asked = form?.fields.find(([name]) => name === 'user_code')?.[1] ?? ''
      if (form !== undefined && (!hasEntered || asked === begun.userCode)) {
        step = hasEntered ? 'device_confirm' : 'user_code'
        hasEntered = true
        go = () => browser.submit(form, { user_code: begun.userCode })
        return true
      }
      const consent = hasEntered && form === undefined ? consentForm(answer) : undefined
      if (consent?.action.pathname.includes('/oauth/')) {
        step = 'device_confirm'
        go = () => browser.submit(consent)
        return true
      }
      return hasEntered ? true : new StepFault('no_form')
    })
  }
}

/** Asks for the token, after the interval again if the server still waits (RFC 8628 §3.5). */
async function poll({ twin, wire, trace }: Walk, begun: Device): Promise<Grant> {
  const form = { grant_type: DEVICE_GRANT, device_code: begun.deviceCode }
  for (let tries = 1; ; tries++) {
    const found = await trace.step(
      'token',
      () => send(wire, clientRequest(twin, '/oauth/token', form)),
      (answer) => {
        const error = oauthErrorOf(answer)
        const waits = error === 'authorization_pending' || error === 'slow_down'
        return waits && tries < MAX_POLLS ? 'wait' : grantIn(answer)
      },
    )
    if (found !== 'wait') return found
    await sleep(begun.intervalS * 1_000)
  }
}
