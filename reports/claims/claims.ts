/** All claims, in the order of the table. To add one, add a record to `records` or a line here. */
import type { Claim } from './claim.ts'
import { datClaims } from './records/dat.ts'
import { mmcatClaims } from './records/mmcat.ts'
import { spaClaims } from './records/spa.ts'
import { spectrumClaims } from './records/spectrum.ts'
import { trnClaims } from './records/trn.ts'

/** The claims that `robench claims` tests. */
export const paperClaims: readonly Claim[] = [
  ...datClaims,
  ...mmcatClaims,
  ...trnClaims,
  ...spaClaims,
  ...spectrumClaims,
]
