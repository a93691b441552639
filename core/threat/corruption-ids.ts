/** The ids of the common corruptions of CIFAR-10-C (Hendrycks and Dietterich 2019). */

/** The 15 corruptions of the benchmark, in the order of the paper. Means are taken over these. */
export const benchmarkCorruptions = [
  'gaussian-noise',
  'shot-noise',
  'impulse-noise',
  'defocus-blur',
  'glass-blur',
  'motion-blur',
  'zoom-blur',
  'snow',
  'frost',
  'fog',
  'brightness',
  'contrast',
  'elastic-transform',
  'pixelate',
  'jpeg-compression',
] as const

/** The 4 corruptions that the paper provides for tuning; no mean includes them. */
export const extraCorruptions = ['speckle-noise', 'gaussian-blur', 'spatter', 'saturate'] as const

/** All 19 corruptions: those of the benchmark, then the extra ones. */
export const corruptionIds = [...benchmarkCorruptions, ...extraCorruptions] as const

/** A corruption by the name of its file in CIFAR-10-C, with hyphens: `gaussian-noise`. */
export type CorruptionId = (typeof corruptionIds)[number]
