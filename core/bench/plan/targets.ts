/** Targets of a suite: class names as numbers, and targets that cannot be meant. */
import { ConfigError, didYouMean } from '../../base/errors.ts'
import { count, percent } from '../../base/figures.ts'
import type { Dataset } from '../../data/dataset.ts'
import { targetWords } from '../../threat/target.ts'
import type { ThreatTarget } from '../../threat/target.ts'
import type { ThreatModel } from '../../threat/threat-model.ts'
import type { LoadedSuite } from '../suite/load.ts'
import type { NumberedThreatModel, SuiteThreatModel } from '../suite/suite-threat.ts'
import type { PendingAttack, ResolvedAttack } from './resolve-attacks.ts'

/**
 * The threat model with the number of the class that its target names.
 * @param where place of the target in the suite, for messages
 * @throws ConfigError for a name that is no class of the data
 */
export function withClassNumber(
  { target, ...threatModel }: SuiteThreatModel,
  { classNames, classes }: Pick<Dataset, 'classNames' | 'classes'>,
  where: string,
): NumberedThreatModel {
  if (target === undefined) return threatModel
  if (typeof target === 'number') return { ...threatModel, target }
  const word = targetWords.find((known) => known === target)
  if (word !== undefined) return { ...threatModel, target: word }
  const found = classNames.indexOf(target)
  if (classes !== undefined && found >= 0) return { ...threatModel, target: found }
  const isNamed = classes !== undefined && classNames.some((name) => !/^\d+$/.test(name))
  throw new ConfigError(
    'ROBENCH_CONFIG',
    isNamed
      ? `${where}: expected a class of the data or ${targetWords.join(', ')}; got "${target}"` +
          `${didYouMean(target, [...classNames, ...targetWords])} (classes: ${shortList(classNames)})`
      : `${where}: expected a class number or ${targetWords.join(', ')}; got "${target}"` +
          `${didYouMean(target, targetWords)}; the data does not name its classes (--class-names)`,
  )
}

/**
 * @param classes number of classes of the data, if known
 * @throws ConfigError for an attack whose option is a class that the data or the model does not have
 */
export function refuseUnknownClasses(
  attacks: readonly Pick<PendingAttack | ResolvedAttack, 'where' | 'classes'>[],
  classes = Infinity,
  owner = 'data',
): void {
  for (const { where, classes: named } of attacks) {
    const wrong = Object.entries(named).find(([, value]) => value >= classes)
    if (!wrong) continue
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `${where}/options/${wrong[0]}: expected a class of the ${owner}, from 0 to ${classes - 1}, ` +
        `got ${wrong[1]}`,
    )
  }
}

/**
 * @param data its number of classes, or that of a model
 * @throws ConfigError for a target that is no class, or targets that the data does not give
 */
export function refuseUnknownTarget(
  target: ThreatTarget | undefined,
  { classes, limits }: Pick<Dataset, 'classes' | 'limits'>,
  where: string,
  owner = 'data',
): void {
  if (target === 'given' && !limits?.targets) {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `${where}: "given" needs a file of targets; set dataset.targets`,
    )
  }
  const targets = target === 'given' ? limits!.targets! : typeof target === 'number' ? [target] : []
  const wrong = classes === undefined ? undefined : targets.find((value) => value >= classes)
  if (wrong === undefined) return
  throw new ConfigError(
    'ROBENCH_CONFIG',
    `${where}: expected a class of the ${owner}, from 0 to ${classes! - 1}, got ${wrong}`,
  )
}

/** The part of a resolved suite that names classes. */
interface TargetedSuite {
  readonly loaded: Pick<LoadedSuite, 'label'>
  readonly threatModels: readonly Pick<ThreatModel, 'target'>[]
  readonly attacks: readonly Pick<ResolvedAttack, 'where' | 'classes'>[]
  readonly dataset: Pick<Dataset, 'limits'>
}

/**
 * Own data without class names does not tell how many classes there are, but a model does.
 * @param classes of a model
 * @throws ConfigError ROBENCH_CONFIG for a target that is no class of the model
 */
export function requireModelClasses(
  { loaded, threatModels, attacks, dataset }: TargetedSuite,
  classes: number,
): void {
  for (const [index, { target }] of threatModels.entries()) {
    const where = `${loaded.label}#/threatModels/${index}/target`
    refuseUnknownTarget(target, { ...dataset, classes }, where, 'model')
  }
  refuseUnknownClasses(attacks, classes, 'model')
}

/**
 * @param labels of the data, of which the first `examples` are evaluated
 * @returns how many images have the target as their label, and therefore cannot be attacked;
 * undefined if none has
 * @throws ConfigError if all have
 */
export function refuseUselessTarget(
  target: ThreatTarget | undefined,
  labels: Int32Array,
  examples: number,
  where: string,
): string | undefined {
  if (typeof target !== 'number') return undefined
  const own = labels.subarray(0, examples).filter((label) => label === target).length
  if (own === 0) return undefined
  if (own === examples) {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `${where}: class ${target} is the label of every image, so none can be attacked; choose ` +
        'another class',
    )
  }
  return (
    `the target, class ${target}, is the label of ${count(own)} of ${count(examples)} images ` +
    `(${percent(own / examples, 1)}), which therefore cannot be attacked and count as robust`
  )
}

/** The first of many names. */
function shortList(names: readonly string[]): string {
  const most = 12
  return names.length <= most ? names.join(', ') : `${names.slice(0, most).join(', ')}, …`
}
