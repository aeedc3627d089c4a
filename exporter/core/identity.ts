import type {
  Alternative,
  Config,
  Conversion,
  Field,
  Hint,
  Requirement,
} from 'flagsmith:amplitude-exporter/types@0.2.0';
import { ANY_NUMBER, anyText, integer } from './conversions.ts';
import { invalidIds } from './limits.ts';
import type { EventField } from './mapping.ts';
import { onAnyLevel } from './sources.ts';

const NO_IDENTITY = 'no_identity';

/** The config keys that name an attribute with an id. */
export const idAttributeKeys = [
  'userIdOverrideAttribute',
  'userIdAttribute',
  'deviceIdAttribute',
  'sessionIdAttribute',
] as const satisfies readonly (keyof Config)[];

/** The fields for which Amplitude limits the events a second and a day. An event has to have one of them. */
export const senderKeys: readonly string[] = ['user_id', 'device_id'];

/** The acceptable session ids: -1 for an event outside of any session, else the session's beginning in milliseconds. */
const sessionId = integer(-1);

/** OpenTelemetry's attributes for what Amplitude calls a device and a session. */
const INSTALLATION = 'app.installation.id';
const SESSION = 'session.id';

/**
 * The fields that say who did it: the user id, which is one from the record or an account's; the device id; and the
 * session.
 */
export function identityFields(config: Config): EventField[] {
  const id = idBehind('', config);
  const accountId = idBehind(config.userIdPrefix, config);
  const fields: { path: string[]; from: Alternative[] }[] = [
    {
      path: ['user_id'],
      from: [
        ...from(config.userIdOverrideAttribute, id),
        // An account that did not become the user id stays a property, to group by. One that is a group stays a
        // property in any case.
        ...from(config.userIdAttribute, accountId, { consumes: !isGroup(config.userIdAttribute, config) }),
      ],
    },
    {
      path: ['device_id'],
      from: isOn(config.deviceIdAttribute, [
        ...from(config.deviceIdAttribute, id),
        ...from(INSTALLATION, id, { consumes: true }),
      ]),
    },
    {
      path: ['session_id'],
      from: isOn(config.sessionIdAttribute, [
        ...from(config.sessionIdAttribute, sessionId),
        ...from(SESSION, sessionId, { consumes: true }),
        // A session id that is neither of them stays a property.
        ...from(SESSION, { tag: 'uuid-time', val: { min: 0, max: Number.MAX_SAFE_INTEGER } }, { consumes: true }),
      ]),
    },
  ];
  return fields.filter(({ from }) => from.length > 0);
}

function isGroup(attribute: string, { groups }: Config): boolean {
  return groups.some(({ value }) => value === attribute);
}

/** An id that Amplitude takes. The prefix counts towards the length, so `org:1` is long enough. */
function idBehind(prefix: string, { minIdLength }: Config): Conversion {
  return { tag: 'text', val: { ...anyText, prefix, minLength: minIdLength, refused: [...invalidIds] } };
}

/** The sources for an attribute's name. There are none if the name is empty, which turns the key off. */
function from(attribute: string, conversion: Conversion, { consumes } = { consumes: false }): Alternative[] {
  return attribute === '' ? [] : [{ sources: onAnyLevel(attribute), conversion, consumes }];
}

/** The alternatives, or none if the config's key names no attribute. */
function isOn(attribute: string, alternatives: Alternative[]): Alternative[] {
  return attribute === '' ? [] : alternatives;
}

/** The indices of the sender's fields. */
export function sendersIn(fields: readonly Field[]): Uint32Array {
  const indices = senderKeys.map((sender) => fields.findIndex(({ path }) => path[0] === sender));
  return Uint32Array.from(indices.filter((index) => index >= 0));
}

/**
 * The requirement that an event names a user or a device. Amplitude refuses a request with an event that names neither.
 */
export function identityRequirement(fields: readonly Field[]): Requirement {
  return {
    fields: sendersIn(fields),
    objects: new Uint32Array(),
    min: 1,
    max: ANY_NUMBER,
    reason: NO_IDENTITY,
    onDemand: false,
  };
}

/** The hint for the operator about records that are dropped because they name nobody. */
export function noIdentityHint(config: Config): Hint {
  const names = idAttributeKeys
    .filter((key) => key !== 'sessionIdAttribute' && config[key] !== '')
    .map((key) => config[key]);
  return {
    reason: NO_IDENTITY,
    message: `none of the attributes ${names.join(', ')} of the record, its scope or its resource holds an id of at least ${config.minIdLength} characters that identifies somebody`,
  };
}

/** Attributes that are only ids, and so never properties. */
export function omittedAttributes(config: Config): string[] {
  const keys = idAttributeKeys.filter((name) => name !== 'userIdAttribute').map((name) => config[name]);
  return [...new Set(keys.filter((key) => key !== ''))];
}
