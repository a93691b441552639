/** Upper bounds of what a data file may expand to, so that a small file cannot fill the memory. */

/** Bytes of one image file. */
export const maxImageFileBytes = 2 ** 27

/** Pixels of one decoded image: as large as 8,192 × 8,192. */
export const maxImagePixels = 2 ** 26

/** Bytes of all pixels of a data set in memory, or of the arrays that an archive expands to. */
export const maxDatasetBytes = 2 ** 33
