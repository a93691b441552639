/** Settings of the C library's allocator for processes that run sessions. */

/**
 * Environment variables for glibc, which other C libraries ignore; those of this process win.
 *
 * - By default, freed blocks of up to 32 MB stay in the heap, from where they are hardly ever
 *   returned: after compiling the sessions of a ResNet-18, 100 to 300 MB.
 * - Blocks of several MB get huge pages. With pages of 4 kB, the system takes more than half of the
 *   time in which the sessions of a ResNet-18 are compiled.
 */
export function allocatorSettings(): Readonly<Record<string, string>> {
  return {
    MALLOC_MMAP_THRESHOLD_: process.env['MALLOC_MMAP_THRESHOLD_'] ?? '8000000',
    GLIBC_TUNABLES: process.env['GLIBC_TUNABLES'] ?? 'glibc.malloc.hugetlb=1',
  }
}
