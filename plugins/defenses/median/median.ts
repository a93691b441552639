/** Median filter: replaces each pixel by the median of its window. */
import { defineDefense } from '../../../core/api/plugin.ts'
import { papers } from '../../papers.ts'
import { transformationProperties, transformInputs } from '../protection/input-transformation.ts'
import { medianFilter } from './median-filter.ts'

const optionsSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['base'],
  properties: {
    ...transformationProperties,
    backward: { ...transformationProperties.backward, default: 'exact' },
    window: {
      enum: [2, 3, 5],
      default: 3,
      description: 'side of the window in pixels; of the 4 values of side 2, the second largest',
    },
  },
} as const

/**
 * t(x) is the median of each channel in a square window, with mirrored margins, as SciPy's
 * `median_filter` computes it. The gradient of the filter passes to the pixel that is the median;
 * it is useful, so the component declares its own derivative.
 * @see Xu et al. 2017, section 3.2, who use side 2 for CIFAR-10
 */
export const median = defineDefense({
  meta: {
    id: 'median',
    apiVersion: 1,
    version: 1,
    title: 'Median filter',
    source: papers.xu2017,
    provenance: 'paper',
    trains: false,
    optionsSchema,
    optionRoles: { base: 'path' },
  },
  prepare: (context) =>
    transformInputs(context, ({ images }) => medianFilter(images, context.options.window)),
})
