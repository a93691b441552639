/** The distribution of an image's energy over spatial frequencies. */
import type { FloatTensor } from '../../engine/tensor/tensor.ts'
import { createPlaneTransform, newHalfSpectrum } from './plane-transform.ts'
import { frequencyDistances } from './radial-mask.ts'

/**
 * The fraction of each perturbation's energy at frequencies D ≥ r; 0 for a zero perturbation. For
 * white noise, it is the fraction of bins: 0.81 for r = 8 on 32×32.
 * @param perturbations x' − x, `[n, c, h, w]`
 * @param radius r, in bins
 * @returns `[n]`
 */
export function highFrequencyEnergy(perturbations: FloatTensor, radius: number): Float64Array {
  const { distances, energies } = energyByFrequency(perturbations)
  return Float64Array.from(energies, (energy) => {
    let high = 0
    let total = 0
    energy.forEach((value, k) => {
      total += value
      if (distances[k]! >= radius) high += value
    })
    return total === 0 ? 0 : high / total
  })
}

/**
 * The smallest integer radius r whose low band D < r contains that fraction of the images' total
 * energy, frequency zero included.
 * @param images `[n, c, h, w]`
 * @param share from 0 to 1
 */
export function radiusOfEnergy(images: FloatTensor, share: number): number {
  const { distances, energies } = energyByFrequency(images)
  const largest = distances.reduce((a, b) => Math.max(a, b), 0)
  // The band below radius r + 1 has ⌊D⌋ ≤ r.
  const rings = new Float64Array(Math.floor(largest) + 1)
  for (const energy of energies) {
    energy.forEach((value, k) => {
      rings[Math.floor(distances[k]!)]! += value
    })
  }
  const wanted = share * rings.reduce((a, b) => a + b, 0)
  let below = 0
  let radius = 0
  while (radius < rings.length && below < wanted) {
    below += rings[radius]!
    radius += 1
  }
  return radius
}

/**
 * |Z|² of each image, summed over channels, at frequencies v ≤ w/2 (weighted for both halves), and
 * the distances of those from frequency zero.
 */
function energyByFrequency({ data, shape }: FloatTensor): {
  readonly distances: Float64Array
  readonly energies: readonly Float64Array[]
} {
  const [count = 0, channels = 1, height = 1, width = 1] = shape
  const transform = createPlaneTransform(height, width)
  const { columns, rows } = transform
  const spectrum = newHalfSpectrum(transform)
  const grid = frequencyDistances(height, width)
  const distances = Float64Array.from(rows.flatMap((u) => columns.map((v) => grid[u * width + v]!)))
  const multiplicities = columns.map((v) => transform.multiplicity(v))
  const size = height * width
  const energies = Array.from({ length: count }, (_, row) => {
    const energy = new Float64Array(distances.length)
    for (let channel = 0; channel < channels; channel++) {
      const from = (row * channels + channel) * size
      transform.forward(data.subarray(from, from + size), spectrum)
      for (let k = 0; k < energy.length; k++) {
        const power = spectrum.real[k]! ** 2 + spectrum.imaginary[k]! ** 2
        energy[k]! += power * multiplicities[k % columns.length]!
      }
    }
    return energy
  })
  return { distances, energies }
}
