/** A core for the tests of hosts: what it is asked to decide names how it fails. All else is the default core's. */

export { classify, configure, divide, placeAttributes, treatAttributes, validate } from '../world.ts';

const failures: Readonly<Record<string, () => string>> = {
  loops: () => {
    for (;;);
  },
  copies: () => {
    for (let text = ''; ; ) text = `${'x'.repeat(10_000_000)}${text.length}`;
  },
  backtracks: () => String(/^(a+)+$/.test(`${'a'.repeat(60)}b`)),
  recurses: () => {
    const deeper = (n: number): number => deeper(n + 1) + 1;
    return String(deeper(0));
  },
  sorts: () => {
    const deeper = (): number => [2, 1].sort(deeper).length;
    return String(deeper());
  },
  parses: () => String(JSON.parse('['.repeat(1_000_000))),
  allocates: () => {
    const all: number[][] = [];
    for (;;) all.push(new Array(100_000).fill(1));
  },
  grows: () => {
    let text = 'x';
    for (;;) text += text;
  },
  throws: () => {
    throw new Error('a rule failed');
  },
  'throws a text': () => {
    throw 'a rule failed';
  },
  'answers with half a character': () => '\ud800\n',
  'asks for the time': () => {
    // Written so that make core does not see it.
    const { now } = Date;
    return String(now());
  },
};

export function decide(_: number, cells: string): string {
  const name = cells.trim();
  const fail = failures[name];
  return fail === undefined ? cells : fail();
}
