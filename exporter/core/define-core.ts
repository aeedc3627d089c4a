/** `defineCore`, which makes a core, and the functions of the world in wit/core.wit that its component exports. */
import type {
  Answer,
  Batch,
  Config,
  Divided,
  Fault,
  Level,
  Place,
  Plan,
  Treatment,
  Verdict,
} from 'flagsmith:amplitude-exporter/types@0.2.0';
import { type BatchLimits, divideEvents } from './batches.ts';
import { faultsOf } from './config.ts';
import type { Api } from './limits.ts';
import { type Decider, decideLines } from './lines.ts';
import type { Mapping } from './mapping.ts';
import { mappingFaults } from './mapping-faults.ts';
import { isOptionType, type OptionsOf, type OptionTypes, optionFaults, optionsIn } from './options.ts';
import { type Placer, placerFor } from './places.ts';
import { batchLimits, decisionsFor, planFor } from './plan.ts';
import { classify as classifyAnswer } from './response.ts';
import { standardFor } from './standard.ts';
import { treatmentFor } from './treatment.ts';

/** The parts of a core; see `defineCore`. */
export interface CoreOptions<Types extends OptionTypes> {
  /** Lower case letters, digits and dashes, at most 64 characters. Logs and metrics show it. */
  readonly name: string;
  /** A semantic version, such as `1.4.0`. */
  readonly version: string;
  /** The options that the collector's config may set under `core.options`, and their types. Default: none. */
  readonly options?: Types;
  /**
   * Says how records become events. It is called once for each instance. What it returns must depend only on its
   * argument.
   */
  readonly mapping: (given: { readonly standard: Mapping; readonly options: OptionsOf<Types> }) => Mapping;
}

/** A core, made by `defineCore`. */
export interface CoreDefinition {
  readonly name: string;
  readonly version: string;
  readonly options: OptionTypes;
  /** How records become events under a config. */
  readonly mappingFor: (config: Config) => Mapping;
}

/**
 * Defines a core. Write its result as the default export of a project's `src/core.ts`. `mapping` gets the default
 * core's mapping for the collector's config, and the core's options. Throws a TypeError that names every fault of the
 * definition.
 */
export function defineCore<const Types extends OptionTypes = Record<never, never>>(
  core: CoreOptions<Types>,
): CoreDefinition {
  const { name, version, options = {} as Types, mapping } = core;
  const faults = definitionFaults(core);
  if (faults.length > 0) throw new TypeError(`defineCore: ${faults.join('; ')}`);
  return {
    name,
    version,
    options,
    mappingFor: (config) => mapping({ standard: standardFor(config), options: optionsIn(config) as OptionsOf<Types> }),
  };
}

function definitionFaults(core: {
  readonly name: unknown;
  readonly version: unknown;
  readonly options?: object;
  readonly mapping: unknown;
}): string[] {
  const { name, version, options = {}, mapping } = core;
  const faults: string[] = [];
  if (typeof name !== 'string' || !/^[a-z0-9][a-z0-9-]{0,63}$/.test(name)) {
    faults.push('name: write lower case letters, digits and dashes, 64 characters at the most');
  }
  if (typeof version !== 'string' || !/^\d+\.\d+\.\d+([-+][0-9A-Za-z.+-]{1,64})?$/.test(version)) {
    faults.push('version: write a semantic version, such as 1.0.0');
  }
  for (const [option, type] of Object.entries(options)) {
    if (!isOptionType(type)) {
      faults.push(
        `options.${option} is ${JSON.stringify(type)}: write string, number, boolean or strings, with a ? behind it where it may be missing`,
      );
    }
  }
  if (typeof mapping !== 'function') faults.push('mapping: write a function that returns the mapping');
  return faults;
}

interface Configured {
  readonly placer: Placer;
  readonly treatment: (key: string) => Treatment;
  /** One for each decision of the plan. */
  readonly deciders: readonly Decider[];
  readonly limits: BatchLimits;
  readonly api: Api;
}

/** The functions of the world in wit/core.wit, for a core. Each of them calls one file. */
export function exportsOf(core: CoreDefinition) {
  let configured: Configured | undefined;

  const theConfigured = (): Configured => {
    if (configured === undefined) throw new Error('configure was not called on this instance');
    return configured;
  };

  return {
    validate: (config: Config): Fault[] => {
      const faults = [...faultsOf(config), ...optionFaults(core.name, core.options, config)];
      return faults.length > 0 ? faults : mappingFaults(() => core.mappingFor(config), config);
    },

    configure: (config: Config): Plan => {
      const mapping = core.mappingFor(config);
      const decisions = decisionsFor(mapping);
      configured = {
        placer: placerFor(config, mapping),
        treatment: treatmentFor(mapping),
        deciders: decisions.map(({ decide }) => decide),
        limits: batchLimits(config),
        api: config.api as Api,
      };
      return planFor(config, mapping, decisions);
    },

    treatAttributes: (keys: string[]): Treatment[] => keys.map(theConfigured().treatment),

    placeAttributes: (level: Level, keys: string[]): Place[] => {
      const { placer } = theConfigured();
      return keys.map((key) => placer(level, key));
    },

    decide: (decision: number, cells: string): string => {
      const decider = theConfigured().deciders[decision];
      if (decider === undefined) throw new Error(`the plan has no decision ${decision}`);
      return decideLines(cells, decider);
    },

    divide: (open: Batch, sizes: Uint32Array): Divided => divideEvents(open, sizes, theConfigured().limits),

    classify: (answer: Answer): Verdict => classifyAnswer(answer, theConfigured().api),
  };
}
