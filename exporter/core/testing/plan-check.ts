/** Finds what in a plan breaks the contract, as the collector does. Only a mistake in a core causes that. */

import type { Conversion, Plan } from 'flagsmith:amplitude-exporter/types@0.2.0';
import { patternOf } from './convert.ts';

export function planFaults(plan: Plan): string[] {
  return [
    ...fieldFaults(plan),
    ...objectFaults(plan),
    ...togetherFaults(plan),
    ...plan.requirements.flatMap(({ fields, objects }, index) => [
      ...beyond(`requirements[${index}]`, 'fields', fields, plan.fields.length),
      ...beyond(`requirements[${index}]`, 'objects', objects, plan.objects.length),
    ]),
    ...senderFaults(plan),
    ...decisionFaults(plan),
  ];
}

/** Indices that are out of range. */
function beyond(what: string, of: string, indices: Uint32Array, count: number): string[] {
  const found = indices.find((index) => index >= count);
  return found === undefined ? [] : [`${what} is about ${of}[${found}], and there are ${count}`];
}

function beginsAlike(a: readonly string[], b: readonly string[]): boolean {
  const length = Math.min(a.length, b.length);
  return length > 0 && a.slice(0, length).every((key, index) => key === b[index]);
}

function fieldFaults({ fields, propertiesKey }: Plan): string[] {
  return fields.flatMap(({ path, alternatives }, index) => {
    const isProperty = path[0] === propertiesKey && path.length === 2;
    const before = fields.slice(0, index).findIndex((other) => beginsAlike(other.path, path));
    return [
      ...(isProperty ? [] : pathFaults(`fields[${index}]`, path, propertiesKey)),
      ...(before < 0
        ? []
        : [
            `the paths of fields[${before}] and fields[${index}] are the same, or one is the beginning of the other: give each value a place of its own`,
          ]),
      ...alternatives.flatMap(({ conversion }, at) =>
        patternFaults(`fields[${index}].alternatives[${at}]`, conversion),
      ),
    ];
  });
}

function objectFaults({ objects, fields, propertiesKey }: Plan): string[] {
  return objects.flatMap(({ path, conversion }, index) => {
    const within = fields.findIndex((field) => field.path.length <= path.length && beginsAlike(field.path, path));
    return [
      ...pathFaults(`objects[${index}]`, path, propertiesKey),
      ...(within < 0 ? [] : [`objects[${index}] is where fields[${within}] is, or within it: give it another path`]),
      ...patternFaults(`objects[${index}]`, conversion),
    ];
  });
}

function pathFaults(what: string, path: readonly string[], propertiesKey: string): string[] {
  if (path.length === 0) return [`${what} has no path: give it at least one key`];
  if (path[0] !== propertiesKey) return [];
  return [`the path of ${what} begins with ${JSON.stringify(propertiesKey)}, where the properties stand`];
}

function patternFaults(what: string, conversion: Conversion): string[] {
  const pattern =
    conversion.tag === 'text' ? conversion.val.pattern : conversion.tag === 'texts' ? conversion.val.each.pattern : '';
  try {
    patternOf(pattern);
    return [];
  } catch (error) {
    return [`the pattern of ${what} is no regular expression: ${(error as Error).message}`];
  }
}

function togetherFaults({ together, fields }: Plan): string[] {
  return together.flatMap(({ fields: indices }, index) => {
    const apart = indices.find(
      (field, at) =>
        field < fields.length && (fields[field]?.path.length !== 1 || (at > 0 && field !== (indices[at - 1] ?? 0) + 1)),
    );
    return [
      ...beyond(`together[${index}]`, 'fields', indices, fields.length),
      ...(apart === undefined
        ? []
        : [
            `together[${index}] has fields[${apart}], which is within another object, or does not follow the field before`,
          ]),
    ];
  });
}

function senderFaults({ senders, fields }: Plan): string[] {
  const isSender = (index: number): boolean => {
    const field = fields[index];
    return field?.path.length === 1 && field.alternatives.every(({ conversion }) => conversion.tag === 'text');
  };
  return [
    ...beyond('senders', 'fields', senders, fields.length),
    ...Array.from(senders).flatMap((field, index) =>
      field >= fields.length || isSender(field)
        ? []
        : [`senders[${index}] is fields[${field}], which is within another object, or not always a text`],
    ),
  ];
}

function decisionFaults({ decisions }: Plan): string[] {
  return decisions.flatMap(({ sources }, index) =>
    sources.flatMap(({ tag }, at) =>
      tag === 'time-ms' || tag === 'digest' || tag === 'constant'
        ? [`decisions[${index}].sources[${at}] is new with each record, or a constant: only a field can have it`]
        : [],
    ),
  );
}
