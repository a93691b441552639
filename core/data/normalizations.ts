/** Normalizations of images that are in use. */

/** A normalization: (x − mean) / std, one number per channel, for pixels in [0, 1]. */
export interface Normalization {
  readonly mean: readonly number[]
  readonly std: readonly number[]
}

/** By number of channels: CIFAR-10, ImageNet, MNIST, Fashion-MNIST. */
export const commonNormalizations: readonly Normalization[] = [
  { mean: [0.4914, 0.4822, 0.4465], std: [0.2471, 0.2435, 0.2616] },
  { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
  { mean: [0.1307], std: [0.3081] },
  { mean: [0.286], std: [0.353] },
]
