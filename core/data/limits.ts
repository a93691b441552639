/** Upper bounds of what a data file may expand to, so that a small file cannot fill the memory. */

/** Bytes of one image file. */
export const maxImageFileBytes = 2 ** 27

/** Pixels of one decoded image: as large as 8,192 × 8,192. */
export const maxImagePixels = 2 ** 26

/** Bytes of all pixels of a data set in memory, or of the arrays that an archive expands to. */
export const maxDatasetBytes = 2 ** 33

/**
 * Times its own size that an archive may expand to, beyond `freeExpansion`. Photographs and weights
 * expand less than 5 times; what expands more is mostly zeros, and can be saved uncompressed.
 */
export const maxExpansion = 100

/** Bytes that any archive may expand to. */
export const freeExpansion = 2 ** 28

/** Bytes of one compressed array: the largest that zlib returns at once. */
export const maxInflatedBytes = 2 ** 31

/** Bytes that a published archive may expand to: the largest has 185 MB. */
export const maxArchiveBytes = 2 ** 30

/** Bytes that an archive of a size may expand to. */
export function expansionLimit(packedBytes: number): number {
  return Math.min(maxDatasetBytes, Math.max(freeExpansion, maxExpansion * packedBytes))
}
