import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { parse } from 'yaml'
import { z } from 'zod'

/** The part of Traefik 3's configuration that the recipe uses (doc.traefik.io); anything else in it is a mistake. */
const server = z.strictObject({ url: z.url() })
const router = z.strictObject({
  entryPoints: z.array(z.string()).nonempty(),
  rule: z.string().regex(/^(PathPrefix|PathRegexp|Path|Header)\(`[^`]+`(, `[^`]+`)?\)$/),
  priority: z.int().positive(),
  middlewares: z.array(z.string()).optional(),
  service: z.string(),
})
const middleware = z.union([
  z.strictObject({ headers: z.strictObject({ customRequestHeaders: z.record(z.string(), z.string()) }) }),
  z.strictObject({ replacePath: z.strictObject({ path: z.string().startsWith('/') }) }),
  z.strictObject({
    forwardAuth: z.strictObject({
      address: z.url(),
      forwardBody: z.boolean(),
      maxBodySize: z.int(),
      preserveRequestMethod: z.boolean(),
      authRequestHeaders: z.array(z.string()),
      authResponseHeaders: z.array(z.string()),
    }),
  }),
])
const service = z.union([
  z.strictObject({
    failover: z.strictObject({ service: z.string(), fallback: z.string(), healthCheck: z.strictObject({}) }),
  }),
  z.strictObject({
    loadBalancer: z.strictObject({
      passHostHeader: z.boolean().optional(),
      servers: z.array(server).nonempty(),
      healthCheck: z.strictObject({ path: z.string(), interval: z.string(), timeout: z.string() }).optional(),
    }),
  }),
])
const traefikDynamic = z.strictObject({
  http: z.strictObject({
    routers: z.record(z.string(), router),
    middlewares: z.record(z.string(), middleware),
    services: z.record(z.string(), service),
  }),
})
const address = z.string().regex(/^127\.0\.0\.1:\d+$/)
const traefikStatic = z.strictObject({
  entryPoints: z.record(
    z.string(),
    z.strictObject({ address, forwardedHeaders: z.strictObject({ trustedIPs: z.array(z.string()) }).optional() }),
  ),
  providers: z.strictObject({ file: z.strictObject({ filename: z.string() }) }),
})

/** The part of Envoy 1.30's configuration that the recipe uses (envoyproxy.io, the v3 API). */
const typed = <T extends z.ZodRawShape>(type: string, shape: T) =>
  z.strictObject({ '@type': z.literal(`type.googleapis.com/${type}`), ...shape })
const exact = z.strictObject({ exact: z.string() })
const seconds = z.string().regex(/^\d+(\.\d+)?s$/)
const socket = z.strictObject({ socket_address: z.strictObject({ address: z.string(), port_value: z.int() }) })
const headerMutation = typed('envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation', {
  mutations: z.array(z.strictObject({ remove: z.string() })),
})
const patterns = z.strictObject({ patterns: z.array(exact) })
const extAuthz = typed('envoy.extensions.filters.http.ext_authz.v3.ExtAuthz', {
  transport_api_version: z.literal('V3'),
  failure_mode_allow: z.literal(true),
  clear_route_cache: z.literal(true),
  allowed_headers: patterns,
  with_request_body: z.strictObject({
    max_request_bytes: z.literal(1 << 20),
    allow_partial_message: z.literal(false),
    pack_as_bytes: z.boolean(),
  }),
  http_service: z.strictObject({
    server_uri: z.strictObject({ uri: z.url(), cluster: z.string(), timeout: seconds }),
    path_prefix: z.literal('/-/oauth/forward_auth'),
    authorization_request: z.strictObject({
      headers_to_add: z.array(z.strictObject({ key: z.string(), value: z.string() })),
    }),
    authorization_response: z.strictObject({ allowed_upstream_headers: patterns }),
  }),
})
const perRoute = typed('envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute', { disabled: z.literal(true) })
const routerFilter = typed('envoy.extensions.filters.http.router.v3.Router', {})
const route = z.strictObject({
  match: z.strictObject({
    prefix: z.string().optional(),
    safe_regex: z.strictObject({ regex: z.string() }).optional(),
    headers: z.array(z.strictObject({ name: z.string(), string_match: exact })).optional(),
  }),
  route: z.strictObject({ cluster: z.string(), timeout: seconds }),
  typed_per_filter_config: z.record(z.string(), perRoute).optional(),
})
const connectionManager = typed('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', {
  stat_prefix: z.string(),
  use_remote_address: z.boolean(),
  path_with_escaped_slashes_action: z.literal('KEEP_UNCHANGED'),
  early_header_mutation_extensions: z.array(z.strictObject({ name: z.string(), typed_config: headerMutation })),
  http_filters: z.array(z.strictObject({ name: z.string(), typed_config: z.union([extAuthz, routerFilter]) })),
  route_config: z.strictObject({
    virtual_hosts: z.array(z.strictObject({ name: z.string(), domains: z.array(z.string()), routes: z.array(route) })),
  }),
})
const endpoint = z.strictObject({ endpoint: z.strictObject({ address: socket }) })
const envoy = z.strictObject({
  static_resources: z.strictObject({
    listeners: z.tuple([
      z.strictObject({
        name: z.string(),
        address: socket,
        filter_chains: z.tuple([
          z.strictObject({ filters: z.tuple([z.strictObject({ name: z.string(), typed_config: connectionManager })]) }),
        ]),
      }),
    ]),
    clusters: z.array(
      z.strictObject({
        name: z.string(),
        type: z.literal('STRICT_DNS'),
        connect_timeout: seconds,
        load_assignment: z.strictObject({
          cluster_name: z.string(),
          endpoints: z.array(z.strictObject({ lb_endpoints: z.array(endpoint) })),
        }),
      }),
    ),
  }),
})

const read = (file: string): unknown => parse(readFileSync(join(import.meta.dirname, file), 'utf8'))

describe('the recipes that are not run', () => {
  test("Traefik's files match the schema, and reference only what exists", () => {
    const { entryPoints } = traefikStatic.parse(read('traefik/traefik.yml'))
    const { http } = traefikDynamic.parse(read('traefik/handover.yml'))
    for (const [name, { entryPoints: doors, middlewares = [], service: to }] of Object.entries(http.routers)) {
      for (const door of doors) assert.ok(door in entryPoints, `${name}: ${door}`)
      for (const each of middlewares) assert.ok(each in http.middlewares, `${name}: ${each}`)
      assert.ok(to in http.services, `${name}: ${to}`)
    }
    for (const [name, each] of Object.entries(http.services)) {
      const to = 'failover' in each ? [each.failover.service, each.failover.fallback] : []
      for (const one of to) assert.ok(one in http.services, `${name}: ${one}`)
      // A request at the second listener has passed the first, so each must lead to the next.
      const own = 'loadBalancer' in each ? each.loadBalancer.servers.map(({ url }) => new URL(url).host) : []
      if (name === 'asked' || name === 'decided') assert.deepEqual(own, [entryPoints[name]?.address])
    }
  })

  test("Envoy's file matches the schema, and references only clusters that exist", () => {
    const { listeners, clusters } = envoy.parse(read('envoy/envoy.yaml')).static_resources
    const names = new Set(clusters.map(({ name }) => name))
    const manager = listeners[0].filter_chains[0].filters[0].typed_config
    const routes = manager.route_config.virtual_hosts.flatMap((host) => host.routes)
    const asked = manager.http_filters.flatMap(({ typed_config }) =>
      'http_service' in typed_config ? [extAuthz.parse(typed_config).http_service.server_uri.cluster] : [],
    )
    for (const cluster of [...routes.map((each) => each.route.cluster), ...asked])
      assert.ok(names.has(cluster), cluster)
    assert.equal(routes[0]?.route.cluster, 'iam')
    const removed = manager.early_header_mutation_extensions.flatMap(({ typed_config }) => typed_config.mutations)
    assert.ok(removed.some(({ remove }) => remove === routes[0]?.match.headers?.[0]?.name))
  })
})
