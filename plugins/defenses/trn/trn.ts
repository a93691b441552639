/** TRN: restores images with the help of the classifier's own gradients. */
import { g, readModelFile } from '../../../core/api/graph.ts'
import { ConfigError, defineDefense } from '../../../core/api/plugin.ts'
import type { DefenseContext, DefenseResult, ManifestComponent } from '../../../core/api/plugin.ts'
import type { Dataset } from '../../../core/api/training.ts'
import { papers } from '../../papers.ts'
import { withProtectedBase, type ProtectedBase } from '../protection/protected-base.ts'
import { adversarialBudget, type AdversarialBudget } from '../training/adversarial-options.ts'
import { runDefenseTraining } from '../training/train-recipe.ts'
import { mapTensor, restorationRecipe, restoredTensor } from './restoration-recipe.ts'
import { trnOptions, type TrnOptions } from './trn-options.ts'

const identity = 'trn@1'

/**
 * h(x) = f(R(x, ĝ(x))) in one ONNX graph: a frozen classifier f, estimates ĝ of its input gradient
 * without the label, and a network R with one stream for the image and one for the gradient maps.
 * Only the abstract of the paper was available; network, loss, and estimator are our reading.
 *
 * Its components are `gradient-map`, from x to ĝ(x), which declares `constant`, and `restoration`,
 * from x to R, which declares `identity`.
 * @see Hong et al. 2022
 */
export const trn = defineDefense({
  meta: {
    id: 'trn',
    apiVersion: 1,
    version: 1,
    title: 'Two-stream restoration network',
    source: papers.hong2022,
    provenance: 'abstract-only',
    trains: true,
    optionsSchema: trnOptions,
    optionRoles: { base: 'path' },
  },
  async prepare(context) {
    const budget = adversarialBudget(context, 'trn')
    const data = await context.loadTrain()
    return withProtectedBase(context, context.options.base, (base) =>
      trainRestoration(context, budget, data, base),
    )
  },
})

async function trainRestoration(
  context: DefenseContext<TrnOptions>,
  budget: AdversarialBudget,
  data: Dataset,
  base: ProtectedBase,
): Promise<DefenseResult> {
  const { options } = context
  checkBase(base, data, options.base)
  const { card } = await readModelFile(context.resolvePath(options.base), 'option base')
  const recipe = restorationRecipe({
    logitsOf: (images) => base.apply(images),
    shape: data.shape,
    budget,
    options,
  })
  return runDefenseTraining(context, identity, data, {
    recipe,
    manifest: { components: componentsOf(options) },
    facts: {
      base: { sha256: card.sha256, manifest: card.manifest },
      adversary: budget,
      validationAttack: 'PGD with 10 steps on the base model',
      ...(usesLabels(options) && {
        exportedMap: 'pseudo, because labels are known in training and validation only',
      }),
    },
  })
}

function checkBase(base: ProtectedBase, data: Dataset, path: string): void {
  const images = g.input('images', 'float32', ['n', ...base.inputShape])
  const classes = String(base.apply(images).shape[1])
  const wanted = `${data.classNames.length} classes and inputs in [${data.bounds.join(', ')}]`
  const found = `${classes} classes and inputs in [${base.bounds.join(', ')}]`
  if (wanted === found) return
  throw new ConfigError(
    'ROBENCH_CONFIG',
    `option base: expected a model of ${wanted}, as in ${data.id}, but ${path} has ${found}`,
  )
}

function usesLabels({ streams, map }: TrnOptions): boolean {
  return streams === 'both' && map === 'oracle'
}

function componentsOf({ streams }: TrnOptions): ManifestComponent[] {
  const restoration: ManifestComponent = {
    name: 'restoration',
    input: 'inputs',
    output: restoredTensor,
    backward: 'identity',
  }
  if (streams === 'image-only') return [restoration]
  const map: ManifestComponent = {
    name: 'gradient-map',
    input: 'inputs',
    output: mapTensor,
    backward: 'constant',
  }
  return [map, restoration]
}
