// oidc-provider ships no types; this covers what the benchmark and the tests use.
declare module 'oidc-provider' {
  interface Model {
    save(): Promise<string>
  }
  interface Grant extends Model {
    addOIDCScope(scope: string): void
    addResourceScope(resource: string, scope: string): void
  }
  export default class Provider {
    constructor(issuer: string, configuration: Readonly<Record<string, unknown>>)
    readonly Client: { find(clientId: string): Promise<object | undefined> }
    readonly Grant: new (
      properties: Readonly<Record<string, unknown>>,
    ) => Grant
    readonly AuthorizationCode: new (
      properties: Readonly<Record<string, unknown>>,
    ) => Model
    listen(port: number, host: string): unknown
    callback(): import('node:http').RequestListener
  }
}
