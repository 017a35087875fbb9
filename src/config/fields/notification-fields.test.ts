import assert from 'node:assert/strict'
import { test } from 'node:test'
import { notificationsSchema } from './notification-fields.ts'

const faultsOf = (value: unknown) =>
  notificationsSchema.safeParse(value).error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? []
const EMAIL = { host: 'mail.example', from: 'Handover <handover@example.com>', to: ['sre@example.com'] }

test('a mail server is called with TLS unless it runs on the same machine', () => {
  assert.deepEqual(faultsOf({ email: EMAIL }), [])
  assert.deepEqual(faultsOf({ email: { ...EMAIL, host: '127.0.0.1', tls: 'none' } }), [])
  assert.deepEqual(faultsOf({ email: { ...EMAIL, tls: 'none' } }), [
    'email.tls: must not be none, except for a loopback address',
  ])
})

test('a mail user needs a password file, and a password file a user', () => {
  const faults = ['email.password_file: must be given together with user']
  assert.deepEqual(faultsOf({ email: { ...EMAIL, user: 'handover' } }), faults)
  assert.deepEqual(faultsOf({ email: { ...EMAIL, password_file: '/run/secrets/smtp' } }), faults)
})

test('an address that would add a header or a second recipient is refused', () => {
  for (const to of ['sre@example.com\r\nBcc: other@example.com', 'sre@example.com, other@example.com', 'sre', '']) {
    assert.equal(faultsOf({ email: { ...EMAIL, to: [to] } }).length, 1, to)
  }
})

test('more than one message a minute cannot be configured', () => {
  assert.equal(faultsOf({ interval_seconds: 59 }).length, 1)
})
