import { describeMigrations } from '../../../test/support/migration-rules.ts'
import { authorizationMigrations } from './migrations.ts'

describeMigrations('an authorization server', authorizationMigrations)
