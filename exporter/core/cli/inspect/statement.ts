/** The names of what a core reads and writes, from its plan for a config. */

import type { Conversion, Decision, Plan, Source, Treatment } from 'flagsmith:amplitude-exporter/types@0.2.0';

export interface Statement {
  readonly endpoint: string;
  readonly fields: readonly {
    readonly field: string;
    readonly from: readonly string[];
    readonly as: readonly string[];
  }[];
  readonly objects: readonly { readonly object: string; readonly maxMembers: number; readonly onDemand: boolean }[];
  readonly decisions: readonly {
    readonly reads: readonly string[];
    readonly mode: string;
    readonly condition?: string;
  }[];
  readonly requirements: readonly {
    readonly oneOf: readonly string[];
    readonly min: number;
    readonly else: string;
    readonly onDemand: boolean;
  }[];
  readonly properties: {
    readonly key: string;
    /** Levels on which the core says of each attribute whether it is a property. On the record all others are. */
    readonly placedLevels: readonly string[];
    readonly body: string;
    readonly never: readonly string[];
  };
  readonly omitted: readonly string[];
  readonly hashed: readonly string[];
  /** Whether attributes that this list does not name may be omitted or hashed too. */
  readonly treatsOthers: boolean;
}

/**
 * `treat` says what is done with attributes before anything else sees them. `asked` has more attributes to ask about.
 */
export function statementOf(plan: Plan, treat: (keys: string[]) => Treatment[], asked: readonly string[]): Statement {
  const names = [...new Set([...attributesRead(plan), ...asked])].sort();
  const treatments = plan.treatsAttributes ? treat(names) : names.map(() => 'none' as const);
  const treated = (as: Treatment): string[] => names.filter((_, index) => treatments[index] === as);
  return {
    endpoint: plan.endpoint,
    fields: plan.fields.map(({ path, alternatives }) => ({
      field: path.join('.'),
      from: [...new Set(alternatives.flatMap(({ sources }) => sourceNames(sources)))],
      as: [...new Set(alternatives.map(({ conversion }) => conversionName(conversion)))],
    })),
    objects: plan.objects.map(({ path, maxMembers, onDemand }) => ({ object: path.join('.'), maxMembers, onDemand })),
    decisions: plan.decisions.map(decisionOf),
    requirements: plan.requirements.map(({ fields, objects, min, reason, onDemand }) => ({
      oneOf: [
        ...[...fields].map((index) => plan.fields[index]?.path.join('.') ?? ''),
        ...[...objects].map((index) => plan.objects[index]?.path.join('.') ?? ''),
      ],
      min,
      else: reason,
      onDemand,
    })),
    properties: {
      key: plan.propertiesKey,
      placedLevels: plan.placedLevels,
      body: plan.bodyProperty,
      never: plan.omittedAttributes,
    },
    omitted: treated('omitted'),
    hashed: treated('hashed'),
    treatsOthers: plan.treatsAttributes,
  };
}

function attributesRead({ fields, decisions }: Plan): string[] {
  const sources = [
    ...fields.flatMap(({ alternatives }) => alternatives.flatMap(({ sources }) => sources)),
    ...decisions.flatMap(({ sources }) => sources),
  ];
  return sources.flatMap((source) => (source.tag === 'attribute' ? [source.val.key] : []));
}

function decisionOf({ mode, sources, condition }: Decision): Statement['decisions'][number] {
  const reads = sourceNames(sources);
  return condition.tag === 'always' ? { reads, mode } : { reads, mode, condition: `${condition.tag} ${condition.val}` };
}

/** An attribute that is read from every level, one after the other, is named once. */
function sourceNames(sources: readonly Source[]): string[] {
  const names = sources.map(sourceName);
  return names.flatMap((name, index) => {
    const key = name.replace(/^(record|scope|resource) /, '');
    const at = names.indexOf(`record ${key}`);
    const isOnAnyLevel = at >= 0 && names[at + 1] === `scope ${key}` && names[at + 2] === `resource ${key}`;
    if (!isOnAnyLevel || index < at || index > at + 2) return [name];
    return index === at ? [`any ${key}`] : [];
  });
}

function sourceName(source: Source): string {
  switch (source.tag) {
    case 'attribute':
      return `${source.val.level} ${source.val.key}`;
    case 'constant':
      return `the text ${JSON.stringify(source.val)}`;
    case 'event-name':
      return 'the event name';
    case 'body':
      return 'the body';
    case 'time-ms':
      return 'the time';
    case 'digest':
      return 'a digest of the record';
  }
}

function conversionName(conversion: Conversion): string {
  return conversion.tag === 'fixed' ? `always ${conversion.val}` : conversion.tag;
}
