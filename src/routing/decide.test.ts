import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decide } from './decide.ts'
import type { Facts, RoutingContext } from './decision.ts'

const plain: Facts = {
  endpoint: 'authorize',
  clientId: 'known',
  fault: undefined,
  credential: 'none',
  hasGenuineVerifier: false,
  affinity: undefined,
  startsFlow: true,
}
const world: RoutingContext = {
  hasIam: true,
  brake: false,
  iamAvailable: true,
  unknownClientsToIam: false,
  lookUp: (clientId) =>
    clientId === 'known'
      ? { applicationId: 7, flag: 'on' }
      : clientId === 'off'
        ? { applicationId: 8, flag: 'off' }
        : clientId === 'coming'
          ? { applicationId: 9, flag: 'not_arrived' }
          : 'unknown_client',
}
const continuing = { startsFlow: false } as const

/** Row of the design's table · facts · context · destination · reason · application id. */
type Row = [string, Partial<Facts>, Partial<RoutingContext>, string, string, number?]
const rows: Row[] = [
  ['no IAM at all', {}, { hasIam: false }, 'legacy', 'not_routed'],
  ['1 brake on, a new flow', {}, { brake: true }, 'legacy', 'brake'],
  ['1 brake on, an unknown client', { clientId: 'nobody' }, { brake: true }, 'legacy', 'brake'],
  [
    '1 brake on, an IAM verifier goes on',
    { hasGenuineVerifier: true, ...continuing },
    { brake: true },
    'iam',
    'flow_verifier',
  ],
  [
    '1 brake on, an IAM credential goes on',
    { credential: 'iam', ...continuing },
    { brake: true },
    'iam',
    'credential_issuer',
  ],
  [
    '2 a genuine verifier, flag off',
    { hasGenuineVerifier: true, clientId: 'off', ...continuing },
    {},
    'iam',
    'flow_verifier',
  ],
  [
    '2 a genuine verifier, IAM down',
    { hasGenuineVerifier: true, ...continuing },
    { iamAvailable: false },
    'iam',
    'flow_verifier',
  ],
  ['3 a flow begun on legacy, flag on', { affinity: 'legacy', ...continuing }, {}, 'legacy', 'flow_affinity'],
  ['3 a flow begun on IAM, flag off', { affinity: 'iam', clientId: 'off', ...continuing }, {}, 'iam', 'flow_affinity'],
  [
    '4 an IAM credential, flag off',
    { credential: 'iam', clientId: 'off', ...continuing },
    {},
    'iam',
    'credential_issuer',
  ],
  [
    '4 an IAM credential, IAM down: never to legacy',
    { credential: 'iam', ...continuing },
    { iamAvailable: false },
    'iam',
    'credential_issuer',
  ],
  ['4 a legacy credential, flag on', { credential: 'legacy', ...continuing }, {}, 'legacy', 'credential_issuer'],
  [
    '4 an IAM credential without a client',
    { credential: 'iam', clientId: undefined, ...continuing },
    {},
    'iam',
    'credential_issuer',
  ],
  ['5 an unknown credential, flag on', { credential: 'unknown', ...continuing }, {}, 'legacy', 'credential_unknown'],
  ['the device page, a client whose flag is on', { endpoint: 'device' }, {}, 'legacy', 'not_routed'],
  [
    'the device page, a user code that IAM issued for a page of its own',
    { endpoint: 'device', credential: 'iam', ...continuing },
    {},
    'iam',
    'credential_issuer',
  ],
  ['6 no client', { clientId: undefined }, {}, 'legacy', 'client_id_missing'],
  ['6 a client id of 256 bytes', { clientId: 'x'.repeat(256) }, {}, 'legacy', 'client_id_too_long'],
  ['6 a client id of 255 bytes is looked up', { clientId: 'x'.repeat(255) }, {}, 'legacy', 'unknown_client'],
  ['6 a client id of 86 characters and 258 bytes', { clientId: '€'.repeat(86) }, {}, 'legacy', 'client_id_too_long'],
  ['6 an unknown client', { clientId: 'nobody' }, {}, 'legacy', 'unknown_client'],
  [
    '6 an unknown client, its own flag on',
    { clientId: 'nobody' },
    { unknownClientsToIam: true },
    'iam',
    'unknown_client',
  ],
  [
    '6 the same, IAM down',
    { clientId: 'nobody' },
    { unknownClientsToIam: true, iamAvailable: false },
    'legacy',
    'unknown_client',
  ],
  ['7 flag on', {}, {}, 'iam', 'flag_enabled', 7],
  ['8 flag on, circuit open', {}, { iamAvailable: false }, 'legacy', 'iam_unavailable', 7],
  ['9 flag off', { clientId: 'off' }, {}, 'legacy', 'flag_disabled', 8],
  ['9 flag on, not arrived', { clientId: 'coming' }, {}, 'legacy', 'application_not_arrived', 9],
  ['9 flag off, circuit open', { clientId: 'off' }, { iamAvailable: false }, 'legacy', 'flag_disabled', 8],
  ['nobody to ask', {}, { lookUp: () => 'unavailable' }, 'legacy', 'routing_unavailable'],
  ['a parameter given twice, flag on', { fault: 'ambiguous_client' }, {}, 'legacy', 'ambiguous_client'],
  [
    'a parameter given twice, with a verifier',
    { fault: 'ambiguous_client', hasGenuineVerifier: true, ...continuing },
    {},
    'legacy',
    'ambiguous_client',
  ],
  [
    'a parameter given twice, with a credential of IAM',
    { fault: 'ambiguous_client', credential: 'iam', startsFlow: false },
    {},
    'iam',
    'credential_issuer',
  ],
  [
    'broken encoding, with a credential of IAM',
    { fault: 'malformed_request', credential: 'iam', startsFlow: false },
    {},
    'iam',
    'credential_issuer',
  ],
  ['broken encoding, flag on', { fault: 'malformed_request' }, {}, 'legacy', 'malformed_request'],
]

for (const [name, facts, context, destination, reason, applicationId] of rows) {
  test(`decides: ${name}`, () => {
    const decision = decide({ ...plain, ...facts }, { ...world, ...context })
    assert.deepEqual(decision, { destination, reason, applicationId })
  })
}

test('an application id known only to a routing endpoint stays unknown', () => {
  const lookUp = () => ({ applicationId: undefined, flag: 'on' }) as const
  assert.deepEqual(decide(plain, { ...world, lookUp }), {
    destination: 'iam',
    reason: 'flag_enabled',
    applicationId: undefined,
  })
})
