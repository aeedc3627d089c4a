/** A core's statement for people. */

import type { Identity } from './command.ts';
import type { Statement } from './statement.ts';

export function textOf(identity: Identity, statement: Statement): string {
  return `${[identityLines(identity), ...parts(statement)].map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

function identityLines({ name, version, options, ...rest }: Identity): string[] {
  const declared = Object.entries(options).map(([option, type]) =>
    type.endsWith('?') ? `${option} (${type.slice(0, -1)}, may be left out)` : `${option} (${type})`,
  );
  return [
    `${name} ${version}`,
    ...table([
      ['sha256', rest.sha256],
      ['size', `${rest.bytes} bytes`],
      ['contract', rest.contract],
      ['engine', rest.engine],
      ['package', `@flagsmith/amplitude-core ${rest.package || 'of no known version'}, ${rest.toolchain}`],
      ['sources', rest.sources],
      ['options', declared.join(', ') || 'none'],
    ]),
  ];
}

function parts(statement: Statement): string[][] {
  const { fields, decisions, objects, requirements } = statement;
  return [
    [`Events go to ${statement.endpoint}`],
    [
      'Fields of an event, and what each has its value from: the first that is acceptable. (any = the record, its scope or its resource)',
      ...table(fields.map(({ field, from, as }) => [field, `${from.join(', ')} [${as.join(', ')}]`])),
    ],
    [
      'Decisions, and the values that each sees',
      ...(decisions.length === 0 ? ['  none'] : []),
      ...decisions.map(({ reads, mode, condition }, index) => {
        const first = mode === 'first' ? 'the first of: ' : '';
        return `  ${index + 1}. ${first}${reads.join(', ')}${condition === undefined ? '' : `  (records that have it: ${condition})`}`;
      }),
    ],
    [
      'Objects of which attributes are members, as the core says of each attribute',
      ...table(
        objects.map(({ object, maxMembers, onDemand }) => [
          object,
          `up to ${maxMembers}${onDemand ? ', of some events only' : ''}`,
        ]),
      ),
    ],
    [
      'Records that become no event, besides those that a decision skips or drops',
      ...requirements.map(
        ({ oneOf, min, else: reason, onDemand }) =>
          `  those with fewer than ${min} of ${oneOf.join(', ')}: ${reason}${onDemand ? ', of some events only' : ''}`,
      ),
    ],
    propertyLines(statement),
    treatmentLines(statement),
  ];
}

function propertyLines({ properties: { key, placedLevels, body, never } }: Statement): string[] {
  const others = placedLevels.filter((level) => level !== 'record');
  return [
    `Properties (${key})`,
    '  every attribute of a record that nothing above took',
    ...(others.length === 0 ? [] : [`  attributes of ${others.join(' and ')}, as the core says of each`]),
    ...(body === '' ? [] : [`  the body, as ${body}`]),
    ...(never.length === 0 ? [] : [`  never: ${never.join(', ')}`]),
  ];
}

function treatmentLines({ omitted, hashed, treatsOthers }: Statement): string[] {
  return [
    'Attributes that are taken away or hashed before anything else sees them',
    ...table([
      ['omitted', omitted.join(', ') || 'none of those above'],
      ['hashed', hashed.join(', ') || 'none of those above'],
    ]),
    treatsOthers
      ? '  The core may treat others: --attribute NAME says what becomes of one.'
      : '  No other attribute is treated.',
  ];
}

/** Rows with their second columns aligned. */
function table(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(0, ...rows.map(([name]) => name.length));
  return rows.length === 0 ? ['  none'] : rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`);
}
