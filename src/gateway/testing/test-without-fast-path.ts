// Preloaded before a test suite, so that the suite's gateways run without the fast path.
import { defaults } from './test-bed.ts'

defaults.hasFastPath = false
