// Loaded before a suite, it has the suite's gateways built without the fast lane.
import { lanes } from './test-bed.ts'

lanes.hasFastLane = false
