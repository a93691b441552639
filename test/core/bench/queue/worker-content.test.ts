/** What a worker of a queue takes from a job. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { softwareIdentity } from '../../../../core/bench/plan/software.ts'
import { ArtifactFolder } from '../../../../core/bench/queue/artifacts.ts'
import type { QueuedJob } from '../../../../core/bench/queue/message.ts'
import { workerContent } from '../../../../core/bench/queue/worker-content.ts'
import { temporaryFolder } from '../../../e2e/support/cli.ts'

test('a job without a signature names installed packages, never files', async () => {
  const folder = temporaryFolder()
  const file = join(folder, 'evil.mjs')
  writeFileSync(file, 'throw new Error("it ran")')
  for (const name of [file, './evil.mjs', '../evil.mjs', pathToFileURL(file).href, 'a/../../b']) {
    const queued: QueuedJob = {
      version: 1,
      label: 'attack "evil"',
      job: {
        kind: 'prepare',
        setting: { plugins: [name], dataset: { id: 'quickstart', sha256: 'a'.repeat(64) } },
      } as unknown as QueuedJob['job'],
      limits: { timeLimitMs: 1000, label: 'evil' },
      software: softwareIdentity(),
      packages: [{ name, version: '1.0.0', integrity: 'a'.repeat(64) }],
      data: { test: 'a'.repeat(64) },
    }
    const places = {
      cache: new ArtifactFolder(folder),
      shared: undefined,
      token: undefined,
      urls: () => Promise.resolve([]),
    }
    await expect(workerContent(queued, places, folder, false)).rejects.toThrow(
      `"${name}" is not the name of a package`,
    )
  }
})
