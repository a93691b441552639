/** The public API: what plugins and programs may import from robench. */
export type { FromSchema, JSONSchema } from 'json-schema-to-ts'
export { declaredTreatment, meanModel } from '../plugins/attacks/wrappers/adaptive-model.ts'
export { amplitudeSearch, amplitudeSearchCost } from '../plugins/attacks/spectral/amplitude-search.ts'
export type { AmplitudeFindings, AmplitudeSearchOptions } from '../plugins/attacks/spectral/amplitude-search.ts'
export { attackLosses, lossSchema, targetedAttackLosses } from './attack/attack-loss.ts'
export type {
  AttackLoss,
  AttackLossName,
  TargetedAttackLoss,
  TargetedAttackLossName,
} from './attack/attack-loss.ts'
export type { AttributeAnswer } from '../plugins/attacks/semantic/attribute-findings.ts'
export {
  attributeGridSchema,
  attributeSearch,
  attributeSearchCost,
} from '../plugins/attacks/semantic/attribute-search.ts'
export type { AttributeGrid, AttributeSearchOptions } from '../plugins/attacks/semantic/attribute-search.ts'
export {
  autoProjectedGradient,
  autoProjectedGradientCost,
} from '../plugins/attacks/apgd/auto-projected-gradient.ts'
export type { AutoProjectedGradientOptions } from '../plugins/attacks/apgd/auto-projected-gradient.ts'
export { boundaryWalk } from '../plugins/attacks/decision-based/boundary-walk.ts'
export type { BoundaryWalkOptions } from '../plugins/attacks/decision-based/boundary-walk.ts'
export { budgetOptions } from './attack/budget-options.ts'
export { carliniWagnerSearch, carliniWagnerCost } from '../plugins/attacks/minimum-norm/carlini-wagner-search.ts'
export type { CarliniWagnerOptions } from '../plugins/attacks/minimum-norm/carlini-wagner-search.ts'
export { classGradientCost, prepareClassGradients } from './attack/class-gradients.ts'
export type { ClassGradientAnswer, ClassGradients } from './attack/class-gradients.ts'
export { decoupledDirection } from '../plugins/attacks/minimum-norm/decoupled-direction.ts'
export type { DecoupledDirectionOptions } from '../plugins/attacks/minimum-norm/decoupled-direction.ts'
export { deepFoolSearch, deepFoolCost } from '../plugins/attacks/minimum-norm/deepfool-search.ts'
export type { DeepFoolOptions } from '../plugins/attacks/minimum-norm/deepfool-search.ts'
export { runStages, stagesCost } from '../plugins/attacks/autoattack/ensemble.ts'
export type { EnsembleFindings, Stage } from '../plugins/attacks/autoattack/ensemble.ts'
export { fastAdaptiveBoundary, fastAdaptiveBoundaryCost } from '../plugins/attacks/fab/fast-adaptive-boundary.ts'
export type { FastAdaptiveBoundaryOptions } from '../plugins/attacks/fab/fast-adaptive-boundary.ts'
export { fastMinimumNorm } from '../plugins/attacks/minimum-norm/fast-minimum-norm.ts'
export type { FastMinimumNormOptions } from '../plugins/attacks/minimum-norm/fast-minimum-norm.ts'
export { ascendWithinBand, radiusOfKeptEnergy } from '../plugins/attacks/spectral/frequency-band.ts'
export type { FrequencyBandOptions, FrequencyVariant } from '../plugins/attacks/spectral/frequency-band.ts'
export {
  bandFrom,
  bandListSchema,
  bandOptions,
  frequencyOptions,
  radiusFrom,
} from '../plugins/attacks/spectral/frequency-options.ts'
export type { BandChoice } from '../plugins/attacks/spectral/frequency-options.ts'
export { gradientOptions, momentumOptions, transferableOptions } from './attack/gradient-options.ts'
export type { GradientProbes, Iterate, Probe } from '../plugins/attacks/gradient/gradient-points.ts'
export { gaussianKernel, smoothGradient } from '../plugins/attacks/gradient/gradient-smoothing.ts'
export { hopSkipJumpSearch } from '../plugins/attacks/decision-based/hop-skip-jump-search.ts'
export type { HopSkipJumpOptions } from '../plugins/attacks/decision-based/hop-skip-jump-search.ts'
export { inputDiversity } from '../plugins/attacks/gradient/input-diversity.ts'
export type { ImageShape, InputDiversityOptions } from '../plugins/attacks/gradient/input-diversity.ts'
export { jointAscent, jointAscentCost } from '../plugins/attacks/semantic/joint-ascent.ts'
export type { JointAscentOptions } from '../plugins/attacks/semantic/joint-ascent.ts'
export { lookAhead } from '../plugins/attacks/gradient/look-ahead.ts'
export type { LookAheadOptions } from '../plugins/attacks/gradient/look-ahead.ts'
export { keepNearest } from './attack/nearest-adversarial.ts'
export type { Nearest } from './attack/nearest-adversarial.ts'
export { basisNoise, freeNoise } from '../plugins/attacks/semantic/perturbation-source.ts'
export type {
  BasisNoiseOptions,
  Perturbation,
  PerturbationPlace,
  PerturbationSource,
} from '../plugins/attacks/semantic/perturbation-source.ts'
export { projectedGradient, projectedGradientCost } from '../plugins/attacks/gradient/projected-gradient.ts'
export type { ProjectedGradientOptions } from '../plugins/attacks/gradient/projected-gradient.ts'
export { askAbout, runQueries } from './attack/query-loop.ts'
export type { Question, QueryBudget, QuerySearch, QueryWork } from './attack/query-loop.ts'
export { radiusSearchCost } from '../plugins/attacks/minimum-norm/radius-search.ts'
export { rankTargets } from './attack/ranked-targets.ts'
export type { RankedTargets } from './attack/ranked-targets.ts'
export { randomNoise, randomNoiseCost } from '../plugins/attacks/noise/random-noise.ts'
export type { NoiseDistribution, RandomNoiseOptions } from '../plugins/attacks/noise/random-noise.ts'
export { drawStart } from './attack/random-start.ts'
export { refill, refillTask } from './attack/batch-scheduler.ts'
export type { RefilledWork } from './attack/batch-scheduler.ts'
export { replayFromSurrogates } from '../plugins/attacks/transfer/transfer-search.ts'
export { sampledAscent, sampledAscentCost } from '../plugins/attacks/score-based/sampled-ascent.ts'
export type { SampledAscentOptions } from '../plugins/attacks/score-based/sampled-ascent.ts'
export { samplingOptions } from '../plugins/attacks/score-based/sampling-options.ts'
export { squareSearch, squareSearchCost } from '../plugins/attacks/square/square-search.ts'
export type { SquareFindings, SquareSearchOptions } from '../plugins/attacks/square/square-search.ts'
export { keepStrongest } from './attack/best-adversarial.ts'
export type { AttackFindings, Strongest } from './attack/best-adversarial.ts'
export { steepestStep } from './attack/steepest-step.ts'
export type { SteepestStep } from './attack/steepest-step.ts'
export { subtask } from './attack/subtask.ts'
export { chooseTargets } from './attack/targets.ts'
export type { Target, TargetOf } from './attack/targets.ts'
export type { AttackTask, ExampleStreams } from './attack/task.ts'
export { addUniversal, learnUniversal } from '../plugins/attacks/gradient/universal-perturbation.ts'
export type { UniversalOptions } from '../plugins/attacks/gradient/universal-perturbation.ts'
export { ConfigError, GraphError, PluginError, RobenchError, RunError } from './base/errors.ts'
export type { ErrorCode } from './base/errors.ts'
export { g } from './engine/graph/graph.ts'
export { gradient } from './engine/graph/gradient.ts'
export { Session } from './engine/graph/session.ts'
export type { SessionOptions } from './engine/graph/session.ts'
export { toOnnx } from './engine/graph/serialize.ts'
export type { Value } from './engine/graph/value.ts'
export { estimateGradientMap, gradientMapModes, gradientMapScales } from './model/gradient-map.ts'
export type { GradientMapMode, GradientMapOptions, GradientMapScale } from './model/gradient-map.ts'
export { crossEntropy, dlr, dlrTargeted, margin, targetedMargin } from './model/losses.ts'
export { loadModel } from './model/load.ts'
export { plainManifest, stagesSchema } from './model/manifest.ts'
export type { ManifestStage, ModelManifest } from './model/manifest.ts'
export { generatorNoise, generatorNoiseCost } from '../plugins/attacks/semantic/generator-noise.ts'
export { trainNoiseGenerator } from '../plugins/attacks/semantic/train-noise-generator.ts'
export type { GeneratorNoiseOptions } from '../plugins/attacks/semantic/generator-noise.ts'
export { batchNormalization, convolution, flatten, globalAverage, linear } from './training/layers.ts'
export { LayerScope } from './training/scope.ts'
export type { NetworkDefinition } from './training/network.ts'
export { scheduleNames } from './training/schedule.ts'
export type { ScheduleName } from './training/schedule.ts'
export { train } from './training/train.ts'
export type { EpochRecord, TrainingOptions, TrainingOutcome } from './training/train.ts'
export type { Adversary } from './training/inner-attack.ts'
export type {
  AskedPoint,
  KnownPoint,
  Loss,
  Model,
  ModelStage,
  ModelVariant,
  PixelWindow,
  StageTreatment,
  TargetedLoss,
  WindowedPasses,
} from './model/model.ts'
export { predictedClass, predictions } from './model/predictions.ts'
export { apiVersion } from './plugin/contract.ts'
export type {
  AttackContext,
  AttackMeta,
  AttackPlugin,
  DefenseAnswer,
  DefenseContext,
  PluginTable,
  StagedAnswer,
} from './plugin/contract.ts'
export { defineAttack, defineDefense, defineNetwork } from './plugin/define.ts'
export type { OptionsOf } from './plugin/define.ts'
export { runAttack } from './plugin/host.ts'
export type { AttackAnswer, AttackRequest } from './plugin/host.ts'
export { innerAttack, wrappedAttackSchema } from './plugin/wrapped-attack-schema.ts'
export { RandomStream, randomStream } from './base/random.ts'
export { readModelFile } from './model/model-files.ts'
export { fourierTransform, inverseFourierTransform } from './threat/spectrum/fourier.ts'
export type { Complex } from './threat/spectrum/fourier.ts'
export { exchangeAmplitudes } from './threat/spectrum/image-spectrum.ts'
export type { AmplitudeAndPhase } from './threat/spectrum/image-spectrum.ts'
export { amplitude, mixAmplitude, recombine, unitPhase } from './threat/spectrum/polar.ts'
export { createImageFilter, radialFilter } from './threat/spectrum/radial-filter.ts'
export type { ImageFilter } from './threat/spectrum/radial-filter.ts'
export { radialMask } from './threat/spectrum/radial-mask.ts'
export type { Band, MaskShape, RadialBand } from './threat/spectrum/radial-mask.ts'
export { highFrequencyEnergy, radiusOfEnergy } from './threat/spectrum/spectral-energy.ts'
export { float32, gatherRows, sizeOf, sliceRows, tensor } from './engine/tensor/tensor.ts'
export type { FloatTensor, Tensor } from './engine/tensor/tensor.ts'
export {
  applyAttributeTransform,
  checkAttributeEvidence,
  checkAttributeRanges,
} from './threat/attribute-transform.ts'
export { attributeTransform } from './threat/attributes/expression.ts'
export type { AttributeValues } from './threat/attributes/expression.ts'
export { AttributeSession } from './threat/attributes/session.ts'
export type { AttributeSessionOptions } from './threat/attributes/session.ts'
export { createBall } from './threat/ball.ts'
export type { Ball } from './threat/ball.ts'
export { epsilonSchema, parseEpsilon } from './threat/epsilon.ts'
export { norms } from './threat/threat-model.ts'
export type { Norm, ThreatModel } from './threat/threat-model.ts'
export { describeViolation, distance, verifyInside } from './threat/verify.ts'
export type { Violation } from './threat/verify.ts'
