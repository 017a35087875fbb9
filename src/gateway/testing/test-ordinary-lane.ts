// Preloaded before a test suite, so that the suite's gateways run without the fast lane.
import { lanes } from './test-bed.ts'

lanes.hasFastLane = false
