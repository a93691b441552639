/** All probes in reading order. To add one, add a file here and a line below. */
import { enoughClasses } from './enough-classes.ts'
import { epsilonHelpsAttacker } from './epsilon-helps-attacker.ts'
import { gradientAvailable } from './gradient-available.ts'
import { gradientFinite } from './gradient-finite.ts'
import { gradientMatchesDifferences } from './gradient-matches-differences.ts'
import { gradientZero } from './gradient-zero.ts'
import { hugeEpsilonBreaks } from './huge-epsilon-breaks.ts'
import { inputsAsExpected } from './inputs-as-expected.ts'
import { logitScale } from './logit-scale.ts'
import { lossesAgree } from './losses-agree.ts'
import { noAbstention } from './no-abstention.ts'
import { noInnerOptimization } from './no-inner-optimization.ts'
import { noLabelLeaking } from './no-label-leaking.ts'
import { noiseWeaker } from './noise-weaker.ts'
import { oneStepWeaker } from './one-step-weaker.ts'
import { optimizationComplete } from './optimization-complete.ts'
import { outputsAreLogits } from './outputs-are-logits.ts'
import { outputsRepeat } from './outputs-repeat.ts'
import { predictionsStable } from './predictions-stable.ts'
import type { Probe } from './probe.ts'
import { searchWeaker } from './search-weaker.ts'
import { surrogateWeaker } from './surrogate-weaker.ts'

/** In reading order, which is that of docs/checks.md. */
export const probes: readonly Probe[] = [
  inputsAsExpected,
  gradientAvailable,
  ...gradientZero,
  gradientFinite,
  gradientMatchesDifferences,
  outputsAreLogits,
  logitScale,
  enoughClasses,
  lossesAgree,
  outputsRepeat,
  predictionsStable,
  noInnerOptimization,
  noAbstention,
  noiseWeaker,
  searchWeaker,
  surrogateWeaker,
  oneStepWeaker,
  noLabelLeaking,
  epsilonHelpsAttacker,
  hugeEpsilonBreaks,
  optimizationComplete,
]
