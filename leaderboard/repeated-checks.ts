/** Checks of outcomes, made again from the outcomes of an entry. */
import { packageVersion } from '../core/base/package-version.ts'
import type { Check } from '../core/bench/checks/check.ts'
import type { AttackFacts } from '../core/bench/checks/outcome-check.ts'
import { checkOutcomes } from '../core/bench/checks/outcome-checks.ts'
import type { Suite } from '../core/bench/suite/schema.ts'
import { entryCleanOutcomes, entryOutcomes } from './entry-outcomes.ts'
import type { LeaderboardEntry } from './entry-type.ts'

const ownVersion = packageVersion()

type StatedCheck = LeaderboardEntry['checks'][number]

/** Checks that read nothing of the plugins of attacks. */
const withoutFacts = ['clean-accuracy', 'no-silent-success', 'answers-keep-rules']

/**
 * Checks of outcomes that fail when they are made again, or that are not stated as they come out,
 * each with its position.
 * @param facts of the built-in attacks of the entry
 * @param classes of the data set; undefined if not known
 */
export function repeatedChecks(
  entry: LeaderboardEntry,
  suite: Suite,
  facts: ReadonlyMap<string, AttackFacts>,
  classes: number | undefined,
): string[] {
  const { dataset, threatModel, training, model } = entry
  const outcomes = entryOutcomes(entry)
  const checked = {
    defense: { model, ...(training && { training }) },
    dataset,
    threatModel,
    cleanOutcomes: entryCleanOutcomes(entry),
    attacks: entry.attacks.map(({ name, plugin, options, silentSuccesses }, index) => ({
      state: 'completed' as const,
      attack: { name, plugin, options },
      outcomes: outcomes[index]!,
      ...(silentSuccesses !== undefined && { silentSuccesses }),
    })),
  }
  const repeated = checkOutcomes({
    entry: checked,
    entries: [checked],
    ...(classes !== undefined && { classes }),
    factsOf: (id) => facts.get(id),
  })
  return repeated.flatMap((own) => {
    const index = entry.checks.findIndex((check) => check.id === own.id)
    const stated = entry.checks[index]
    if (!stated) return []
    const isRaised = own.verdict === 'fail' || own.verdict === 'warn'
    const isOpen = readsMore(own, stated, entry, suite, classes)
    if (own.verdict !== stated.verdict && (isRaised || !isOpen)) {
      return [
        `/checks/${index}: "${own.id}" is "${own.verdict}" from the outcomes: ${own.evidence}`,
      ]
    }
    // Another version may word the evidence in other ways, or have other thresholds.
    const isComparable = !isOpen && entry.run.robenchVersion === ownVersion
    return isComparable ? differences(own, stated, `/checks/${index}`) : []
  })
}

/** Whether a run reads more for a check than its entry contains. */
function readsMore(
  { id, value }: Check,
  stated: StatedCheck,
  { attacks }: LeaderboardEntry,
  suite: Suite,
  classes: number | undefined,
): boolean {
  if (attacks.some((attack) => attack.package !== undefined) && !withoutFacts.includes(id)) {
    return true
  }
  switch (id) {
    // The number of classes.
    case 'clean-accuracy':
      return classes === undefined
    // Entries with other sizes of the ball.
    case 'epsilon-ordered':
      return suite.threatModels.length > 1
    // Doubts about the images.
    case 'settings-plausible':
      return stated.verdict === 'warn' && Number(stated.value) > Number(value)
    // Stages of AutoAttack, if the run knew their plugin.
    case 'black-box-weaker':
      return ['autoattack', 'square'].every((id) => attacks.some(({ plugin }) => plugin === id))
    default:
      return false
  }
}

function differences(own: Check, stated: StatedCheck, place: string): string[] {
  return (['value', 'threshold', 'evidence'] as const).flatMap((part) =>
    own[part] === stated[part]
      ? []
      : [
          `${place}/${part}: of "${own.id}" is ${JSON.stringify(own[part])} from the outcomes, ` +
            `got ${JSON.stringify(stated[part])}`,
        ],
  )
}
