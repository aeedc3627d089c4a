/** Which texts are addresses of the public internet, as exporter/amplitudeexporter has it. */

import ipaddr from 'ipaddr.js';

/** Source: RFC 6890, "Special-Purpose IP Address Registries", as far as the collector has it. */
const notPublic = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '::/127',
  'fc00::/7',
  'fe80::/10',
  'ff00::/8',
].map((block) => ipaddr.parseCIDR(block));

/** Whether a text is an address, without a zone, that is in none of the blocks. */
export function isPublic(text: string): boolean {
  const address = addressIn(text);
  return (
    address !== undefined &&
    !notPublic.some(([block, bits]) => block.kind() === address.kind() && address.match(block, bits))
  );
}

/** The library takes more forms than the collector: zones, more digits, leading zeros, IPv4 as less than four numbers. */
function addressIn(text: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text);
  const hex = text.replace(/:(\d+\.\d+\.\d+\.\d+)$/, (all, ipv4: string) => `:${groupsOf(ipv4) ?? all}`);
  if (!/^[\da-f:]+$/i.test(hex) || /[\da-f]{5}/i.test(hex) || !ipaddr.IPv6.isValid(hex)) return undefined;
  return ipaddr.process(hex);
}

/** An IPv4 address as the last two groups of an IPv6 one. */
function groupsOf(ipv4: string): string | undefined {
  if (!ipaddr.IPv4.isValidFourPartDecimal(ipv4)) return undefined;
  const [a = 0, b = 0, c = 0, d = 0] = ipaddr.IPv4.parse(ipv4).octets;
  return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
}
