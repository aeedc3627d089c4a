import { defaultCore, readCore } from '../../testing/default-core.ts';
import { type Mapper, mapperOf, type Settings } from './host.ts';

export interface MapperOptions {
  /** The bytes of a core.wasm; without them the core that comes with the package. */
  readonly bytes: Uint8Array | undefined;
  readonly settings: Settings;
  /** Milliseconds since the Unix epoch: the time of a record that has none. */
  readonly arrival: number;
}

/** Throws an `Error` whose message says what is wrong: with the core, or each fault of the settings on a line. */
export type StartMapper = (options: MapperOptions) => Mapper;

export const startMapper: StartMapper = ({ bytes, settings, arrival }) =>
  mapperOf(bytes === undefined ? defaultCore() : readCore(bytes), settings, arrival);
