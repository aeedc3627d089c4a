/**
 * Exposures. The evaluation of a feature flag becomes an event that tells Amplitude who saw which variant. Source of
 * the event: Amplitude's documentation of Experiment, "Exposure event". Source of the attributes: OpenTelemetry's
 * semantic conventions for feature flags, and OpenFeature's hooks, with today's names and the earlier ones.
 */
import type { Source } from 'flagsmith:amplitude-exporter/types@0.2.0';
import { cellValues, scalarText } from './cells.ts';
import type { EventTypeDecider } from './event-type.ts';
import { anyOf, type Matcher } from './glob.ts';
import { asciiJson } from './json.ts';
import { adds, type CellAnswer, type Decision } from './lines.ts';
import type { Mapping } from './mapping.ts';
import { EXPOSURE } from './objects.ts';
import { record } from './sources.ts';

export const FLAG_KEY = 'feature_flag.key';

/** The names of an evaluation's event. The second one was its name before version 1.29 of the conventions. */
const evaluations: readonly string[] = ['feature_flag.evaluation', 'feature_flag'];

/**
 * The reasons that count. With any other one, such as an error or a default, the user sees no variant of an experiment.
 */
const exposingReasons: readonly string[] = ['targeting_match', 'split'];

const DAY_MS = 86_400_000;

/** These follow the sources of the event's type. The body is one of those too. */
const attributes = [
  FLAG_KEY,
  'feature_flag.result.variant',
  'feature_flag.variant',
  'feature_flag.result.value',
  'feature_flag.result.reason',
  'feature_flag.evaluation.reason',
  'error.type',
] as const;

/** The decision about records that have a flag's key. It replaces the one by the event's name. */
export function evaluationDecision(
  { eventType, exposures }: Pick<Mapping, 'eventType' | 'exposures'>,
  decideType: EventTypeDecider,
): Decision {
  const { experimentKey } = exposures;
  const sources: Source[] = [...eventType.sources, ...attributes.map(record)];
  if (experimentKey !== '') sources.push(record(experimentKey));
  const decide = evaluationDecider({ eventType, exposures }, decideType);
  return { mode: 'every', sources, condition: { tag: 'has', val: FLAG_KEY }, decide };
}

/** Decides cells of `evaluationDecision`. What is no exposure is decided by the name of its event. */
function evaluationDecider(
  { eventType, exposures }: Pick<Mapping, 'eventType' | 'exposures'>,
  decideType: EventTypeDecider,
): (cell: string) => CellAnswer {
  const isExposed: Matcher = anyOf(exposures.flags);
  const names = eventType.sources.length;
  const indexOf = (key: (typeof attributes)[number]): number => names + attributes.indexOf(key);
  const experimentAt = exposures.experimentKey === '' ? undefined : names + attributes.length;
  // What may be a variant. The first one that is there counts.
  const variants = [
    indexOf('feature_flag.result.variant'),
    indexOf('feature_flag.variant'),
    indexOf('feature_flag.result.value'),
    eventType.sources.findIndex(({ tag }) => tag === 'body'),
  ].filter((index) => index >= 0);
  return (cell) => {
    const values = cellValues(cell);
    const textAt = (index: number): string | undefined => scalarText(values[index]);
    const hasText = (index: number): boolean => (textAt(index) ?? '') !== '';
    const nameAt = eventType.sources.findIndex((_, index) => hasText(index));
    const flag = textAt(indexOf(FLAG_KEY)) ?? '';
    const isEvaluation = evaluations.includes(textAt(nameAt) ?? '');
    if (!isEvaluation || flag === '' || !isExposed(flag)) return decideType(values[nameAt], nameAt);

    // An empty text is no reason.
    const reason = textAt(indexOf('feature_flag.result.reason')) || textAt(indexOf('feature_flag.evaluation.reason'));
    const isExposing = !reason || exposingReasons.includes(reason.toLowerCase());
    if (!isExposing || hasText(indexOf('error.type'))) return { kind: 'skip' };
    // The event's name may be in the body.
    const variantAt = variants.find((index) => hasText(index) && index !== nameAt);
    if (variantAt === undefined) return { kind: 'drop', reason: 'no_variant' };
    const properties = [`"flag_key":${asciiJson(flag)}`, `"variant":${asciiJson(textAt(variantAt))}`];
    const consumes = [nameAt, indexOf(FLAG_KEY), variantAt];
    if (experimentAt !== undefined && hasText(experimentAt)) {
      properties.push(`"experiment_key":${asciiJson(textAt(experimentAt))}`);
      consumes.push(experimentAt);
    }
    return adds({
      members: `"event_type":"${EXPOSURE}"`,
      properties: properties.join(),
      instructions: { consumes, once_ms: DAY_MS, once_for: properties.slice(0, 2).join() },
    });
  };
}
