/**
 * The options of a user's core: `core.options` of the collector's config, checked by the types that the core declares.
 */
import type { Config, Fault } from 'flagsmith:amplitude-exporter/types@0.2.0';

interface OptionValues {
  readonly string: string;
  readonly number: number;
  readonly boolean: boolean;
  /** A list of strings. */
  readonly strings: readonly string[];
}

/** The type of an option. An option whose type ends in a question mark may be missing. */
export type OptionType = keyof OptionValues | `${keyof OptionValues}?`;

export type OptionTypes = Readonly<Record<string, OptionType>>;

/** The values of options of these types. */
export type OptionsOf<Types extends OptionTypes> = {
  readonly [Name in keyof Types]: Types[Name] extends `${infer Type extends keyof OptionValues}?`
    ? OptionValues[Type] | undefined
    : Types[Name] extends keyof OptionValues
      ? OptionValues[Types[Name]]
      : never;
};

const kinds: Readonly<Record<keyof OptionValues, { readonly said: string; readonly is: (value: unknown) => boolean }>> =
  {
    string: { said: 'a text', is: (value) => typeof value === 'string' },
    number: { said: 'a number', is: (value) => typeof value === 'number' },
    boolean: { said: 'true or false', is: (value) => typeof value === 'boolean' },
    strings: {
      said: 'a list of texts',
      is: (value) => Array.isArray(value) && value.every((item) => typeof item === 'string'),
    },
  };

export function isOptionType(type: unknown): type is OptionType {
  return typeof type === 'string' && Object.hasOwn(kinds, kindOf(type));
}

function kindOf(type: string): keyof OptionValues {
  return type.replace(/\?$/, '') as keyof OptionValues;
}

export function optionsIn({ options }: Config): Readonly<Record<string, unknown>> {
  return JSON.parse(options) as Readonly<Record<string, unknown>>;
}

/** Returns every fault of the options of a config. `core` is the core's name. */
export function optionFaults(core: string, types: OptionTypes, config: Config): Fault[] {
  const options = optionsIn(config);
  const names = Object.keys(types);
  const unknown = Object.keys(options)
    .filter((name) => !Object.hasOwn(types, name))
    .map((name) => ({ key: `core::options::${name}`, message: `is no option of the core ${core}: ${instead(names)}` }));
  const wrong = Object.entries(types).flatMap(([name, type]) => {
    const value = options[name] ?? undefined;
    const { said, is } = kinds[kindOf(type)];
    if (value === undefined ? type.endsWith('?') : is(value)) return [];
    const found = value === undefined ? 'is missing' : `is ${JSON.stringify(value)}`;
    return [{ key: `core::options::${name}`, message: `${found}: write ${said}` }];
  });
  return [...unknown, ...wrong];
}

function instead(names: readonly string[]): string {
  return names.length === 0 ? 'it has none, so remove it' : `write one of ${names.join(', ')}`;
}
