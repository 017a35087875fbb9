import type { Environment } from '../../../flags/index.ts'
import type { Store } from '../../state/store.ts'
import type { GuardPort } from './facts.ts'

/**
 * Begins new attempts after a deployment of IAM: what failed on the version before says nothing about the new one. Only
 * attempts that began before the deployment are renewed, and each deployment renews once.
 */
export class IamDeployments {
  readonly #store: Pick<Store, 'database' | 'schema'>
  readonly #guards: Pick<GuardPort, 'renew'>
  readonly #everyMs: number
  /** By environment: when it was looked at, and the newest deployment whose attempts were renewed. */
  readonly #seen = new Map<Environment, { readonly at: number; readonly id: number }>()

  constructor(store: Pick<Store, 'database' | 'schema'>, guards: Pick<GuardPort, 'renew'>, everyMs: number) {
    this.#store = store
    this.#guards = guards
    this.#everyMs = everyMs
  }

  /** Looks for a newer deployment in each environment. */
  async follow(environments: Iterable<Environment>): Promise<void> {
    for (const environment of new Set(environments)) {
      const seen = this.#seen.get(environment)
      if (seen !== undefined && performance.now() - seen.at < this.#everyMs) continue
      const newest = await this.#newest(environment)
      if (newest !== undefined && newest.id !== seen?.id) {
        await this.#guards.renew(environment, `iam:deployment-${newest.id}`, newest.deployed_at.getTime())
      }
      this.#seen.set(environment, { at: performance.now(), id: newest?.id ?? 0 })
    }
  }

  /** Another replica led in the meantime. */
  forget(): void {
    this.#seen.clear()
  }

  async #newest(environment: Environment): Promise<{ readonly id: number; readonly deployed_at: Date } | undefined> {
    const [row] = await this.#store.database.query<{ id: number; deployed_at: Date }>(
      `select id, deployed_at from ${this.#store.schema}.deployments
        where environment = $1 and component = 'iam' order by id desc limit 1`,
      [environment],
    )
    return row
  }
}
