import { describe } from 'node:test'
import { testReplicationContract } from '../../../test/support/replication-contract.ts'
import { AUTH_TOKEN_HEADER, INTERNAL_PATHS } from '../../handoff/index.ts'
import { INTERNAL_TOKEN, startPlatform, testDatabases } from '../testing/platform.ts'

for (const { name, open } of testDatabases(process.env['HANDOVER_TEST_DATABASE_URL']))
  describe(`replication in bulk to the internal port, on ${name}`, () => {
    testReplicationContract(async () => {
      const database = await open()
      const platform = await startPlatform(database, 'iam_replication', {})
      const origin = platform.iam.internalUrl
      return {
        batchUrl: `${origin}${INTERNAL_PATHS.clients}`,
        digestsUrl: `${origin}${INTERNAL_PATHS.clientDigests}`,
        versionsUrl: `${origin}${INTERNAL_PATHS.clients}`,
        list: 'clients',
        headers: { [AUTH_TOKEN_HEADER]: INTERNAL_TOKEN },
        line: (application) => JSON.stringify(application),
        remove: ({ client_id }, version) =>
          platform.internal('DELETE', `${INTERNAL_PATHS.clients}/${client_id}?version=${version}`),
        async close() {
          await platform.close()
          await database.close()
        },
      }
    })
  })
