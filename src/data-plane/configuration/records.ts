import { COUNTS_TABLE } from '../settings.ts'

const DECIDED = '{ var(txn.reason) -m found }'

/** Members of a decision's log line that depend on the client, as JSON; only known clients are named. */
export function recordVariables(): string[] {
  const fingerprint = 'var(txn.client),sha2(256),hex,lower,bytes(0,8)'
  return [
    `http-request set-var(txn.endpoint) path,field(3,/) if ${DECIDED}`,
    `http-request set-var(txn.method) method if ${DECIDED}`,
    `http-request set-var(txn.destination) str(rails) if ${DECIDED}`,
    'http-request set-var(txn.destination) str(iam) if { var(txn.reason) -m str flag_enabled credential_issuer }',
    `http-request set-var(txn.shown) str(null) if ${DECIDED}`,
    `http-request set-var-fmt(txn.shown) '"%[var(txn.client)]"' if ${DECIDED} { var(txn.application) -m found }`,
    `http-request set-var-fmt(txn.shown) '"sha256:%[${fingerprint}]"' if ${DECIDED} { var(txn.client) -m found } !{ var(txn.application) -m found }`,
    `http-request set-var(txn.application_id) str(null) if ${DECIDED}`,
    `http-request set-var(txn.application_id) var(txn.application),field(1,:) if ${DECIDED} { var(txn.application) -m found }`,
    `http-request set-var-fmt(txn.tail) '"msg":"iamproxy: routing decision"' if ${DECIDED}`,
    `http-request set-var-fmt(txn.tail) '"brake":true,"msg":"iamproxy: routing decision"' if ${DECIDED} { var(txn.state),field(2,:) -m str on }`,
  ]
}

/** Says that legacy has answered what IAM could not; for a backend with both. */
export function failoverRecord(): string[] {
  const byLegacy = '{ srv_name -m str legacy }'
  return [
    `http-response set-var(txn.reason) str(iam_failed_over) if ${byLegacy}`,
    `http-response set-var(txn.destination) str(rails) if ${byLegacy}`,
    `http-after-response set-var(txn.reason) str(iam_failed_over) if ${byLegacy}`,
    `http-after-response set-var(txn.destination) str(rails) if ${byLegacy}`,
  ]
}

/**
 * One log line for each request that HAProxy decided, with the members of the gateway's, on standard output, and one
 * count. Other requests leave no line here: the gateway writes that of its own.
 */
export function recordRules(): string[] {
  const time = '%[date,utime(%Y-%m-%dT%H:%M:%S)].%[date_us,div(1000),add(1000),regsub("^1","")]Z'
  const members = [
    '"level":"info"',
    `"time":"${time}"`,
    '"component":"dataplane"',
    '"subcomponent":"workhorse"',
    '"correlation_id":"%[var(txn.request_id)]"',
    '"method":"%[var(txn.method)]"',
    '"path":"/oauth/%[var(txn.endpoint)]"',
    '"endpoint":"%[var(txn.endpoint)]"',
    '"client_id":%[var(txn.shown)]',
    '"application_id":%[var(txn.application_id)]',
    '"destination":"%[var(txn.destination)]"',
    '"reason":"%[var(txn.reason)]"',
    '"flag_version":%[var(txn.state),field(4,:)]',
    '"status":%ST',
    '"duration_ms":%Ta',
    '%[var(txn.tail)]',
  ]
  return [
    // HAProxy's own messages, which are not JSON, are less important than an alert.
    'log stdout len 4096 format raw local0 alert',
    `log-format '{${members.join(',')}}'`,
    `http-request set-log-level silent if !${DECIDED}`,
    `http-request set-log-level alert if ${DECIDED}`,
    `http-response set-var-fmt(txn.counter) '%[var(txn.endpoint)]|%[var(txn.destination)]|%[var(txn.reason)]|%[status]' if ${DECIDED}`,
    `http-response track-sc0 var(txn.counter) table ${COUNTS_TABLE} if ${DECIDED}`,
    `http-response sc-inc-gpc0(0) if ${DECIDED}`,
  ]
}

/** The table of {@link COUNTS_TABLE}: far more keys than there are endpoints, reasons and statuses. */
export function countsTable(): string[] {
  return ['stick-table type string len 128 size 5k store gpc0']
}
