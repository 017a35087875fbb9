import { describeMigrations } from '../../test/support/migration-rules.ts'
import { monolithMigrations } from './migrations.ts'

describeMigrations('the monolith', monolithMigrations)
