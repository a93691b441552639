/** The versions of the software that computes outcomes. */
import { packageVersion } from '../../base/package-version.ts'
import { ort } from '../../engine/graph/onnxruntime.ts'
import type { SoftwareIdentity } from './cell.ts'

/** The versions of robench and of onnxruntime in this process. */
export function softwareIdentity(): SoftwareIdentity {
  return {
    robench: packageVersion(),
    onnxruntime: ort.env.versions.node ?? ort.env.versions.common,
  }
}
