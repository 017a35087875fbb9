import { describeMigrations } from '../../test/support/migration-rules.ts'
import { iamMigrations } from './migrations.ts'

describeMigrations('IAM', iamMigrations)
