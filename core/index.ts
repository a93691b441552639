/** The public API: what plugins and programs may import from robench. */
export type { FromSchema, JSONSchema } from 'json-schema-to-ts'
export { declaredTreatment, meanModel } from './attack/adaptive-model.ts'
export { amplitudeSearch, amplitudeSearchCost } from './attack/amplitude-search.ts'
export type { AmplitudeFindings, AmplitudeSearchOptions } from './attack/amplitude-search.ts'
export { attackLosses, lossSchema, targetedAttackLosses } from './attack/attack-loss.ts'
export type {
  AttackLoss,
  AttackLossName,
  TargetedAttackLoss,
  TargetedAttackLossName,
} from './attack/attack-loss.ts'
export type { AttributeAnswer } from './attack/attribute-findings.ts'
export {
  attributeGridSchema,
  attributeSearch,
  attributeSearchCost,
} from './attack/attribute-search.ts'
export type { AttributeGrid, AttributeSearchOptions } from './attack/attribute-search.ts'
export {
  autoProjectedGradient,
  autoProjectedGradientCost,
} from './attack/auto-projected-gradient.ts'
export type { AutoProjectedGradientOptions } from './attack/auto-projected-gradient.ts'
export { boundaryWalk } from './attack/boundary-walk.ts'
export type { BoundaryWalkOptions } from './attack/boundary-walk.ts'
export { budgetOptions } from './attack/budget-options.ts'
export { carliniWagnerSearch, carliniWagnerCost } from './attack/carlini-wagner.ts'
export type { CarliniWagnerOptions } from './attack/carlini-wagner.ts'
export { classGradientCost, prepareClassGradients } from './attack/class-gradients.ts'
export type { ClassGradientAnswer, ClassGradients } from './attack/class-gradients.ts'
export { decoupledDirection } from './attack/decoupled-direction.ts'
export type { DecoupledDirectionOptions } from './attack/decoupled-direction.ts'
export { deepFoolSearch, deepFoolCost } from './attack/deepfool.ts'
export type { DeepFoolOptions } from './attack/deepfool.ts'
export { runStages, stagesCost } from './attack/ensemble.ts'
export type { EnsembleFindings, Stage } from './attack/ensemble.ts'
export { fastAdaptiveBoundary, fastAdaptiveBoundaryCost } from './attack/fast-adaptive-boundary.ts'
export type { FastAdaptiveBoundaryOptions } from './attack/fast-adaptive-boundary.ts'
export { fastMinimumNorm } from './attack/fast-minimum-norm.ts'
export type { FastMinimumNormOptions } from './attack/fast-minimum-norm.ts'
export { ascendWithinBand, radiusOfKeptEnergy } from './attack/frequency-band.ts'
export type { FrequencyBandOptions, FrequencyVariant } from './attack/frequency-band.ts'
export {
  bandFrom,
  bandListSchema,
  bandOptions,
  frequencyOptions,
  radiusFrom,
} from './attack/frequency-options.ts'
export type { BandChoice } from './attack/frequency-options.ts'
export { gradientOptions, momentumOptions, transferableOptions } from './attack/gradient-options.ts'
export type { GradientProbes, Iterate, Probe } from './attack/gradient-probe.ts'
export { gaussianKernel, smoothGradient } from './attack/gradient-smoothing.ts'
export { hopSkipJumpSearch } from './attack/hop-skip-jump-search.ts'
export type { HopSkipJumpOptions } from './attack/hop-skip-jump-search.ts'
export { inputDiversity } from './attack/input-diversity.ts'
export type { ImageShape, InputDiversityOptions } from './attack/input-diversity.ts'
export { jointAscent, jointAscentCost } from './attack/joint-ascent.ts'
export type { JointAscentOptions } from './attack/joint-ascent.ts'
export { lookAhead } from './attack/look-ahead.ts'
export type { LookAheadOptions } from './attack/look-ahead.ts'
export { keepNearest } from './attack/nearest.ts'
export type { Nearest } from './attack/nearest.ts'
export { basisNoise, freeNoise } from './attack/perturbation-source.ts'
export type {
  BasisNoiseOptions,
  Perturbation,
  PerturbationPlace,
  PerturbationSource,
} from './attack/perturbation-source.ts'
export { projectedGradient, projectedGradientCost } from './attack/projected-gradient.ts'
export type { ProjectedGradientOptions } from './attack/projected-gradient.ts'
export { askAbout, runQueries } from './attack/query-search.ts'
export type { Question, QueryBudget, QuerySearch, QueryWork } from './attack/query-search.ts'
export { radiusSearchCost } from './attack/radius-search.ts'
export { rankTargets } from './attack/ranked-targets.ts'
export type { RankedTargets } from './attack/ranked-targets.ts'
export { randomNoise, randomNoiseCost } from './attack/random-noise.ts'
export type { NoiseDistribution, RandomNoiseOptions } from './attack/random-noise.ts'
export { drawStart } from './attack/random-start.ts'
export { refill, refillTask } from './attack/refill.ts'
export type { RefilledWork } from './attack/refill.ts'
export { replayFromSurrogates } from './attack/replay.ts'
export { sampledAscent, sampledAscentCost } from './attack/sampled-ascent.ts'
export type { SampledAscentOptions } from './attack/sampled-ascent.ts'
export { samplingOptions } from './attack/sampling-options.ts'
export { squareSearch, squareSearchCost } from './attack/square-search.ts'
export type { SquareFindings, SquareSearchOptions } from './attack/square-search.ts'
export { keepStrongest } from './attack/strongest.ts'
export type { AttackFindings, Strongest } from './attack/strongest.ts'
export { steepestStep } from './attack/steepest-step.ts'
export type { SteepestStep } from './attack/steepest-step.ts'
export { subtask } from './attack/subtask.ts'
export { chooseTargets } from './attack/targets.ts'
export type { Target, TargetOf } from './attack/targets.ts'
export type { AttackTask, ExampleStreams } from './attack/task.ts'
export { addUniversal, learnUniversal } from './attack/universal-perturbation.ts'
export type { UniversalOptions } from './attack/universal-perturbation.ts'
export { ConfigError, GraphError, PluginError, RobenchError, RunError } from './errors.ts'
export type { ErrorCode } from './errors.ts'
export { g } from './graph/graph.ts'
export { gradient } from './graph/gradient.ts'
export { Session } from './graph/session.ts'
export type { SessionOptions } from './graph/session.ts'
export { toOnnx } from './graph/serialize.ts'
export type { Value } from './graph/value.ts'
export { estimateGradientMap, gradientMapModes, gradientMapScales } from './model/gradient-map.ts'
export type { GradientMapMode, GradientMapOptions, GradientMapScale } from './model/gradient-map.ts'
export { crossEntropy, dlr, dlrTargeted, margin, targetedMargin } from './model/losses.ts'
export { loadModel } from './model/load.ts'
export { plainManifest, stagesSchema } from './model/manifest.ts'
export type { ManifestStage, ModelManifest } from './model/manifest.ts'
export { generatorNoise, generatorNoiseCost } from './nn/generator-noise.ts'
export { trainNoiseGenerator } from './nn/train-noise-generator.ts'
export type { GeneratorNoiseOptions } from './nn/generator-noise.ts'
export { batchNormalization, convolution, flatten, globalAverage, linear } from './nn/layers.ts'
export { LayerScope } from './nn/scope.ts'
export type { NetworkDefinition } from './nn/network.ts'
export { scheduleNames } from './nn/schedule.ts'
export type { ScheduleName } from './nn/schedule.ts'
export { train } from './nn/train.ts'
export type { EpochRecord, TrainingOptions, TrainingOutcome } from './nn/train.ts'
export type { Adversary } from './nn/inner-attack.ts'
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
export { RandomStream, randomStream } from './random.ts'
export { readModelFile } from './run/model-files.ts'
export { fourierTransform, inverseFourierTransform } from './spectrum/fourier.ts'
export type { Complex } from './spectrum/fourier.ts'
export { exchangeAmplitudes } from './spectrum/image-spectrum.ts'
export type { AmplitudeAndPhase } from './spectrum/image-spectrum.ts'
export { amplitude, mixAmplitude, recombine, unitPhase } from './spectrum/polar.ts'
export { createImageFilter, radialFilter } from './spectrum/radial-filter.ts'
export type { ImageFilter } from './spectrum/radial-filter.ts'
export { radialMask } from './spectrum/radial-mask.ts'
export type { Band, MaskShape, RadialBand } from './spectrum/radial-mask.ts'
export { highFrequencyEnergy, radiusOfEnergy } from './spectrum/spectral-energy.ts'
export { float32, gatherRows, sizeOf, sliceRows, tensor } from './tensor/tensor.ts'
export type { FloatTensor, Tensor } from './tensor/tensor.ts'
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
