import type { ScenarioSet } from '../scenario.ts'
import type { ScenarioRun } from '../scenario-run.ts'
import type { ClientKey } from '../seed.ts'

/** The code exchange with a verifier (RFC 7636 §4.5). */
export const codeExchangePkce: ScenarioSet = (scenario, seed) => {
  const { public: pub } = seed.clients
  const pk = (
    id: string,
    title: string,
    how: (k: ReturnType<ScenarioRun['pkce']>) => string | undefined,
    o: { readonly method?: 'S256' | 'plain'; readonly client?: ClientKey; readonly again?: boolean } = {},
  ) =>
    scenario(id, title, async (t) => {
      const k = t.pkce()
      const method = o.method ?? 'S256'
      const code = await t.code({
        client: o.client,
        params: { code_challenge: method === 'plain' ? k.verifier : k.challenge, code_challenge_method: method },
      })
      const isPub = o.client === 'public'
      const v = how(k)
      await t.exchange(code, {
        client: o.client,
        noauth: isPub,
        params: { ...(isPub ? { client_id: pub.uid } : {}), ...(v === undefined ? {} : { code_verifier: v }) },
      })
      if (o.again)
        await t.exchange(code, {
          client: o.client,
          noauth: isPub,
          params: { ...(isPub ? { client_id: pub.uid } : {}), code_verifier: k.verifier },
          note: 'then the right verifier',
        })
    })
  pk('E061', 'PKCE S256, wrong verifier; then right', () => 'w'.repeat(43), { again: true })
  pk('E062', 'PKCE S256, no verifier; then right', () => undefined, { again: true })
  pk('E064', 'PKCE S256, the challenge sent as verifier', (k) => k.challenge)
  pk('E066', 'PKCE plain, wrong verifier', () => 'w'.repeat(43), { method: 'plain' })
  pk('E069', 'public client, PKCE S256, wrong verifier', () => 'w'.repeat(43), { client: 'public' })
  pk('E070', 'public client, PKCE S256, no verifier', () => undefined, { client: 'public' })
}
