import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, openSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { ROUTING_FLAG } from '../src/routing/index.ts'
import { isInstalled } from './load.ts'

const ROOT = resolve(import.meta.dirname, '..')

/** Where a benchmark's servers listen, and which clients have moved. */
export interface BenchPlan {
  readonly scratch: string
  readonly legacyPort: number
  readonly iamPort: number
  /** Answers the proxies that query a decision per request; its cost is not counted. */
  readonly deciderPort: number
  readonly moved: readonly string[]
  readonly unmoved: readonly string[]
}

/** A proxy to measure: `start` runs it as one process, pinned to the first core. */
export interface PeerProxy {
  readonly name: string
  readonly decidesBy: string
  /** What it cannot route: some do not see a form's client_id. */
  readonly routesForms: boolean
  readonly isAvailable: boolean
  start(port: number, plan: BenchPlan, nodeOptions?: readonly string[]): ChildProcess
}

function run(
  command: string,
  args: readonly string[],
  options: { env?: NodeJS.ProcessEnv; out?: string } = {},
): ChildProcess {
  const [program, rest] = isInstalled('taskset') ? ['taskset', ['-c', '0', command, ...args]] : [command, args]
  const out = options.out === undefined ? 'ignore' : openSync(options.out, 'a')
  return spawn(program, rest, { stdio: ['ignore', out, 'inherit'], env: options.env ?? process.env })
}

function write(plan: BenchPlan, name: string, text: string): string {
  mkdirSync(plan.scratch, { recursive: true })
  const path = join(plan.scratch, name)
  writeFileSync(path, text)
  return path
}

const nginxFrame = (http: string, plan: BenchPlan, name: string) => `
worker_processes 1; master_process off; daemon off; pid ${plan.scratch}/${name}.pid; error_log stderr crit;
events { worker_connections 4096; }
http {
  access_log off; map_hash_bucket_size 256; keepalive_requests 1000000;
  client_body_temp_path ${plan.scratch}/${name}-body; proxy_temp_path ${plan.scratch}/${name}-proxy;
  fastcgi_temp_path ${plan.scratch}/${name}-f; uwsgi_temp_path ${plan.scratch}/${name}-u; scgi_temp_path ${plan.scratch}/${name}-s;
  upstream legacy { server 127.0.0.1:${plan.legacyPort}; keepalive 64; keepalive_requests 1000000; }
  upstream iam { server 127.0.0.1:${plan.iamPort}; keepalive 64; keepalive_requests 1000000; }
  upstream decider { server 127.0.0.1:${plan.deciderPort}; keepalive 64; keepalive_requests 1000000; }
  ${http}
}`
const NGINX_PROXY = 'proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;'

/** The two upstreams and the decider: nginx answering from its configuration. */
export function upstreamConfig(plan: BenchPlan): string {
  const pages = join(plan.scratch, 'pages')
  mkdirSync(pages, { recursive: true })
  writeFileSync(join(pages, 'page'), 'x'.repeat(10_000))
  writeFileSync(join(pages, 'stream'), 'x'.repeat(1_000_000))
  const answer = (side: string) =>
    `default_type application/json; add_header X-Upstream ${side}; return 200 '{"side":"${side}","padding":"${'.'.repeat(90)}"}';`
  return write(
    plan,
    'upstreams.conf',
    nginxFrame(
      `map $arg_client_id $side { default rails; ${plan.moved.map((id) => `${id} iam;`).join(' ')} }
  map $http_x_original_uri $asked_side { default rails; ${plan.moved.map((id) => `~client_id=${id} iam;`).join(' ')} }
  map $http_x_forwarded_uri $forwarded_side { default rails; ${plan.moved.map((id) => `~client_id=${id} iam;`).join(' ')} }
  server { listen 127.0.0.1:${plan.legacyPort} backlog=2048; location / { ${answer('legacy')} }
    location /pages/ { root ${plan.scratch}; sendfile on; } }
  server { listen 127.0.0.1:${plan.iamPort} backlog=2048; location / { ${answer('iam')} } }
  server { listen 127.0.0.1:${plan.deciderPort};
    location /asked { add_header X-Handover-Destination $asked_side; return 204; }
    location / { add_header X-Handover-Destination $forwarded_side; return 204; } }`,
      plan,
      'upstreams',
    ),
  )
}

/** The gateway with a snapshot file: logs and metrics on. */
export const gateway: PeerProxy = {
  name: 'handover gateway',
  decidesBy: 'snapshot, in process; logs and metrics on',
  routesForms: true,
  isAvailable: true,
  start(port, plan, nodeOptions = []) {
    const rows = [...plan.moved, ...plan.unmoved].map((clientId, index) => [index + 1, clientId, 1])
    const actors = plan.moved.map((_, index) => `Authn::OauthApplication:${index + 1}`)
    const flags = { [ROUTING_FLAG]: { boolean: false, actors, percentage_of_actors: 0, opted_out: [] } }
    const lines = [
      { type: 'begin', format: 1, environment: 'production', version: 1, brake: false, flags },
      { type: 'applications', rows },
      { type: 'end', version: 1, applications: rows.length },
    ]
    const snapshot = write(plan, 'snapshot.ndjson', `${lines.map((line) => JSON.stringify(line)).join('\n')}\n`)
    const listen = [
      '--listen',
      `127.0.0.1:${port}`,
      '--admin-listen',
      '127.0.0.1:0',
      '--workers',
      '1',
      '--snapshot',
      snapshot,
    ]
    const upstreams = [
      '--legacy-url',
      `http://127.0.0.1:${plan.legacyPort}`,
      '--iam-url',
      `http://127.0.0.1:${plan.iamPort}`,
    ]
    const program = [...nodeOptions, join(ROOT, 'src/main.ts'), 'gateway', ...listen, ...upstreams]
    return run(process.execPath, program, {
      out: join(plan.scratch, 'gateway.log'),
    })
  },
}

function nodePeer(name: string, file: string): PeerProxy {
  return {
    name,
    decidesBy: 'a set, in process; no logs',
    routesForms: true,
    isAvailable: true,
    start: (port, plan) =>
      run(process.execPath, [join(ROOT, 'bench/peers', file)], {
        env: {
          ...process.env,
          BENCH_PORT: String(port),
          BENCH_LEGACY: `http://127.0.0.1:${plan.legacyPort}`,
          BENCH_IAM: `http://127.0.0.1:${plan.iamPort}`,
          BENCH_MOVED: plan.moved.join(','),
        },
      }),
  }
}

const nginxMap: PeerProxy = {
  name: 'nginx map',
  decidesBy: 'map of the query',
  routesForms: false,
  isAvailable: isInstalled('nginx'),
  start(port, plan) {
    const entries = plan.moved.map((id) => `${id} iam;`).join(' ')
    const http = `map $arg_client_id $side { default legacy; ${entries} }
  server { listen 127.0.0.1:${port}; location / { ${NGINX_PROXY} proxy_pass http://$side; } }`
    return run('nginx', ['-p', plan.scratch, '-c', write(plan, 'map.conf', nginxFrame(http, plan, 'map'))])
  },
}

const nginxAuthRequest: PeerProxy = {
  name: 'nginx auth_request',
  decidesBy: 'asks per request',
  routesForms: false,
  isAvailable: isInstalled('nginx'),
  start(port, plan) {
    const http = `map $destination $side { default legacy; iam iam; }
  server { listen 127.0.0.1:${port};
    location / { auth_request /asked; auth_request_set $destination $upstream_http_x_handover_destination; ${NGINX_PROXY} proxy_pass http://$side; }
    location = /asked { internal; ${NGINX_PROXY} proxy_pass_request_body off; proxy_set_header Content-Length ""; proxy_set_header X-Original-URI $request_uri; proxy_pass http://decider; } }`
    return run('nginx', ['-p', plan.scratch, '-c', write(plan, 'auth.conf', nginxFrame(http, plan, 'auth'))])
  },
}

const haproxy: PeerProxy = {
  name: 'HAProxy map file',
  decidesBy: 'map of query and form',
  routesForms: true,
  isAvailable: isInstalled('haproxy'),
  start(port, plan) {
    const map = write(plan, 'clients.map', plan.moved.map((id) => `${id} iam\n`).join(''))
    const lookUp = (fetch: string) => `%[${fetch},map(${map},legacy)]`
    const config = `
global
  nbthread 1
defaults
  mode http
  timeout connect 2s
  timeout client 60s
  timeout server 60s
  http-reuse always
frontend front
  bind 127.0.0.1:${port}
  option http-buffer-request
  use_backend ${lookUp('req.body_param(client_id)')} if { method POST }
  use_backend ${lookUp('url_param(client_id)')}
  default_backend legacy
backend legacy
  server one 127.0.0.1:${plan.legacyPort}
backend iam
  server one 127.0.0.1:${plan.iamPort}
`
    return run('haproxy', ['-db', '-q', '-f', write(plan, 'haproxy.cfg', config)])
  },
}

const caddy: PeerProxy = {
  name: 'Caddy forward_auth',
  decidesBy: 'asks per request',
  routesForms: false,
  isAvailable: isInstalled('caddy'),
  start(port, plan) {
    const config = `
{
  admin off
  auto_https off
  log {
    level ERROR
  }
}
http://127.0.0.1:${port} {
  bind 127.0.0.1
  route {
    forward_auth 127.0.0.1:${plan.deciderPort} {
      uri /
      copy_headers X-Handover-Destination
    }
    @iam header X-Handover-Destination iam
    reverse_proxy @iam 127.0.0.1:${plan.iamPort}
    reverse_proxy 127.0.0.1:${plan.legacyPort}
  }
}
`
    const file = write(plan, 'Caddyfile', config)
    const env = { ...process.env, GOMAXPROCS: '1', XDG_DATA_HOME: plan.scratch, XDG_CONFIG_HOME: plan.scratch }
    return run('caddy', ['run', '--adapter', 'caddyfile', '--config', file], { env })
  },
}

/** Every measured proxy, ours first. */
export const proxies: readonly PeerProxy[] = [
  gateway,
  nodePeer('@fastify/reply-from', 'reply-from.ts'),
  nodePeer('http-proxy-3', 'http-proxy-3.ts'),
  nginxMap,
  nginxAuthRequest,
  haproxy,
  caddy,
]
