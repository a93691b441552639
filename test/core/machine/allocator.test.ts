/** Settings of the allocator for workers. */
import { afterEach, expect, test } from 'vitest'
import { allocatorSettings } from '../../../core/machine/allocator.ts'

const given = process.env['GLIBC_TUNABLES']

afterEach(() => {
  if (given === undefined) delete process.env['GLIBC_TUNABLES']
  else process.env['GLIBC_TUNABLES'] = given
})

test('the settings of this process win', () => {
  delete process.env['GLIBC_TUNABLES']
  expect(allocatorSettings()['GLIBC_TUNABLES']).toBe('glibc.malloc.hugetlb=1')
  process.env['GLIBC_TUNABLES'] = 'glibc.malloc.hugetlb=0'
  expect(allocatorSettings()['GLIBC_TUNABLES']).toBe('glibc.malloc.hugetlb=0')
})
