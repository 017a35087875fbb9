import { describeMigrations } from '../../test/support/migration-rules.ts'
import { MIGRATIONS } from './migrations.ts'

describeMigrations('the control plane', MIGRATIONS)
