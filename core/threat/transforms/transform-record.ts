/** The record of one kind of transform. */
import type { FloatTensor } from '../../engine/tensor/tensor.ts'
import type { ReferenceExamples } from '../reference-examples.ts'

/** A mistake in the parameters of a transform. */
export interface TransformProblem {
  /** JSON pointer within the transform, such as `/ranges/rotation`; empty for the whole of it. */
  readonly pointer: string
  readonly message: string
}

/** The data that the evidence of a transform refers to. */
export interface EvidenceContext {
  readonly bounds: readonly [low: number, high: number]
  readonly reference: ReferenceExamples
}

/** The description of a transform, for reports. */
export interface TransformText {
  /** In titles: `amplitude (λ ≤ 0.3, ρ ≤ 0.1)`. */
  readonly title: string
  /**
   * If adversarial, a verb phrase that follows "The attacker may"; otherwise a clause that is
   * followed by "and stay within" the bounds.
   */
  readonly phrase: string
  /** The name of the accuracy under every attack of such a threat model; default `Worst case`. */
  readonly worstCase?: string
}

/**
 * One kind of transform, as a suite states it in a threat model.
 * @typeParam T the transform with its limits, as in a threat model
 * @typeParam E what an attack returns about the transforms it used
 */
export interface TransformRecord<
  T extends { readonly kind: string },
  E extends { readonly kind: string } = never,
> {
  readonly kind: T['kind']
  /**
   * True if the attacker chooses the transform within the limits. If false, as for corruptions and
   * diagnostics, the transform applies to every example, misclassified ones too, only the bounds
   * are verified, and checks that compare attacks do not apply.
   */
  readonly adversarial: boolean
  /** JSON Schema of the transform in suites, results, and leaderboard entries. */
  readonly schema: Readonly<Record<string, unknown>>
  /** A transform as JSON, for the description of the schema. */
  readonly example: string
  /**
   * The first problem with the limits that the schema cannot express; undefined if there is none.
   * @param shape of the inputs `[n, c, h, w]`, to check whether such images can be transformed
   */
  check(transform: T, shape?: readonly number[]): TransformProblem | undefined
  /**
   * Describes a mistake in the evidence: its form, or a parameter beyond the limits rounded to
   * float32. Absent, like `apply`, if attacks return no evidence.
   * @param shape of the inputs `[n, c, h, w]`
   */
  checkEvidence?(
    transform: T,
    evidence: E,
    shape: readonly number[],
    context: EvidenceContext,
  ): string | undefined
  /**
   * T(x) of each input, computed by the host from checked evidence. Each example gets the same
   * bits in any batch.
   * @param inputs `[n, c, h, w]`
   */
  apply?(inputs: FloatTensor, evidence: E, context: EvidenceContext): Promise<FloatTensor>
  describe(transform: T): TransformText
  /** The transform as a part of a directory name: letters, digits, `-` and `.`. */
  slug(transform: T): string
}
