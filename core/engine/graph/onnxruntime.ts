/** onnxruntime, with its telemetry off. Import it from here and nowhere else. */
import './disable-telemetry.ts'

export * as ort from 'onnxruntime-node'
