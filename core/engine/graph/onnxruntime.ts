/**
 * onnxruntime, with its telemetry off, and without the warnings that it would print itself. Import
 * it from here and nowhere else.
 */
import './disable-telemetry.ts'
import * as ort from 'onnxruntime-node'

// Sessions have levels of their own. This is the level of what belongs to none of them, such as
// warnings of kernels that are being made. Errors are thrown anyway.
ort.env.logLevel = 'fatal'

export { ort }
