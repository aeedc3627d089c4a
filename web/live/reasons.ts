/** Why a record became no event, by what the exporter's counter calls it. docs/delivery.md has the same. */
export const reasons: Readonly<Record<string, string>> = {
  skipped: 'Its event type is not on the allowlist `events`, or it is an evaluation of a flag that is no exposure.',
  sampled_out: '`sampling` does not keep events of this user.',
  no_event_name: 'It has no event name, no attribute `event.name`, and no body that could be one.',
  no_identity: 'It has no user id and no device id that Amplitude takes.',
  no_variant: 'It is an exposure without a variant.',
  not_one_group: 'It is a `$groupidentify`, which needs exactly one type of group.',
  too_large: 'Its event is larger than a request may be.',
  guest_fault: "The core fails with it. The collector's log has the error.",
};
