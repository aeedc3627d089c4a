/**
 * The commands of the documentation. The table says how each is checked. A command that is not in the table is a fault,
 * so that nobody adds one unchecked.
 */

import { dirname, join, normalize } from 'node:path';
import { parse } from 'yaml';
import type { Block } from './markdown.ts';
import { blocksOf } from './markdown.ts';
import { COMMAND, exists, filesIn, ports, read, run, validate, variables } from './repository.ts';

/** Where a command stands. */
interface Place {
  /** The text of the document. */
  readonly document: string;
  /** The folder that it runs in, from the root. */
  readonly folder: string;
}

interface Row {
  readonly pattern: RegExp;
  /** How it is checked. */
  readonly how: string;
  /** The faults that were found, or where the next command runs. */
  check(groups: readonly string[], place: Place): string[] | { folder: string };
}

const REPOSITORY = 'flagsmith-otel-collector';
const TUTORIAL = 'docs/own-core.md';

/** Its commands about metrics are run by troubleshooting.test.ts. */
export const TROUBLESHOOTING = 'docs/troubleshooting.md';
const makefile = read('Makefile');

const table: readonly Row[] = [
  {
    pattern: /^make ([a-z-]+)(?: [A-Z_]+=\S+)*$/,
    how: 'the Makefile has the target',
    check: ([target]) => (makefile.includes(`\n${target}:`) ? [] : [`the Makefile has no ${target}`]),
  },
  {
    pattern: /^npx vitest run (\S+)$/,
    how: 'there are tests at the path',
    check: ([path = ''], { folder }) => {
      const at = join(folder, path);
      const isTest = at.endsWith('.test.ts') || (exists(at) && filesIn(at, '.test.ts').length > 0);
      return exists(at) && isTest ? [] : [`there is no test at ${at}`];
    },
  },
  {
    pattern: /^npx (tsx) (\S+\.ts)( --help)?$/,
    how: 'it says how it is used',
    check: ([tool = '', script = '']) => {
      const { ok, said } = run(join('node_modules/.bin', tool), [script, '--help']);
      return ok && said.includes(script) ? [] : [said];
    },
  },
  {
    pattern: /^npx tsx (\S+\.ts)(?: \w+)+ > \S+$/,
    how: 'the script is there',
    check: ([script = '']) => missing(script),
  },
  {
    pattern: /^\/usr\/bin\/time -v npx amplitude-core preview (\S+)$/,
    how: 'the document says how the file is made',
    check: ([file = ''], { document }) => (document.includes(`> ${file}\n`) ? [] : [`nothing makes ${file}`]),
  },
  {
    pattern: /^npx (tsc) -p (\S+)$/,
    how: 'the tool and the file are there',
    check: ([tool = '', file = '']) => missing(`node_modules/.bin/${tool}`, file),
  },
  {
    pattern: /^npx (biome) check(?: --write)?$/,
    how: 'the tool is there',
    check: ([tool = '']) => missing(`node_modules/.bin/${tool}`),
  },
  {
    pattern: /^go (?:-C (\S+) )?test -run (\w+) \.( -update)?$/,
    how: 'the Go package has the test, and the flag',
    check: ([changed = '', name = '', update = ''], { folder }) => {
      const at = normalize(join(folder, changed));
      if (!exists(join(at, 'go.mod'))) return [`${at} is no Go module`];
      const source = filesIn(at, '_test.go').map(read).join('');
      const faults = source.includes(`func ${name}(`) ? [] : [`${at} has no ${name}`];
      return update === '' || source.includes('flag.Bool("update"') ? faults : [...faults, 'there is no -update'];
    },
  },
  {
    pattern: /^go test -run xxx -bench (\w+) \.\/(\S+)$/,
    how: 'the package of the Go module has the benchmark',
    check: ([name = '', at = '']) => {
      const source = filesIn(join('exporter/amplitudeexporter', at), '_test.go').map(read).join('');
      return source.includes(`func Benchmark${name}(`) ? [] : [`${at} has no Benchmark${name}`];
    },
  },
  {
    pattern: /^go install (go\.opentelemetry\.io\/collector\/cmd\/builder)@(v\S+)$/,
    how: 'its version is the one that this repository uses',
    check: ([module, version]) =>
      read('tools/go.mod').includes(`${module} ${version}`) ? [] : [`tools/go.mod has another ${module}`],
  },
  {
    pattern: /^builder --config (\S+)$/,
    how: 'the document has a manifest of that name',
    check: ([file], { document }) => (manifestOf(document, file) ? [] : [`the document has no manifest ${file}`]),
  },
  {
    pattern: /^(\.\/\S+) (?:validate )?--config config\.yaml$/,
    how: 'the manifest of the document puts the binary there',
    check: ([binary = ''], { document }) => {
      const dist = manifestOf(document)?.dist;
      return dist !== undefined && normalize(binary) === join(dist.output_path, dist.name)
        ? []
        : [`no manifest builds ${binary}`];
    },
  },
  {
    pattern: /^dist\/(\S+) validate --config config\.yaml$/,
    how: 'make collector builds that binary, and it has the command',
    check: ([name]) => (name === COMMAND && validate({}).said !== '' ? [] : [`nothing builds dist/${name}`]),
  },
  {
    pattern: /^docker compose -f (\S+) up --detach$/,
    how: 'the file is there; it is checked as a YAML',
    check: ([file = '']) => missing(file),
  },
  {
    pattern: /^curl http:\/\/127\.0\.0\.1:(\d+)\/$/,
    how: 'the default config listens on the port',
    check: ([port]) => (ports.includes(Number(port)) ? [] : [`nobody listens on ${port}`]),
  },
  {
    pattern: /^curl http:\/\/127\.0\.0\.1:8888\/metrics$/,
    how: 'e2e/run.test.ts has the metrics from there',
    check: () => mentions('examples/quick-start.yaml', 'port: 8888'),
  },
  {
    pattern: /^(?:df -h|ls -l) (\S+)$/,
    how: 'the example keeps its queue there',
    check: ([folder]) => mentions('examples/persistent-queue.yaml', `directory: ${folder}`),
  },
  {
    pattern: /^curl http:\/\/127\.0\.0\.1:8010(\/[a-z]+)(\/.+)$/,
    how: 'the local Amplitude has the route',
    check: ([list = '', segments = '']) =>
      mentions('local-amplitude/server.ts', `'${list}${segments.replace(/[^/]+/g, '*')}'`),
  },
  {
    pattern: /^aws secretsmanager create-secret --name (\S+) --secret-string "\$AMPLITUDE_API_KEY"$/,
    how: 'the task definition has the secret',
    check: ([name]) => mentions('examples/ecs-task-definition.json', `:secret:${name}-`),
  },
  {
    pattern: /^aws logs create-log-group --log-group-name (\S+)$/,
    how: 'the task definition has the log group',
    check: ([name]) => mentions('examples/ecs-task-definition.json', `"${name}"`),
  },
  {
    pattern: /^aws ecs register-task-definition --cli-input-json file:\/\/(\S+)$/,
    how: 'the file is there; it is checked as a task definition',
    check: ([file = '']) => missing(file),
  },
  {
    pattern: /^helm repo add open-telemetry https:\/\/open-telemetry\.github\.io\/opentelemetry-helm-charts$/,
    how: 'as OpenTelemetry has it',
    check: () => [],
  },
  {
    pattern: /^helm install \S+ open-telemetry\/opentelemetry-collector --values (\S+)$/,
    how: 'the file is there; it is checked as a YAML',
    check: ([file = '']) => missing(file),
  },
  {
    pattern: /^kubectl create secret generic (\S+) --from-literal=(\S+)="\$AMPLITUDE_API_KEY"$/,
    how: 'the values have the secret and its key',
    check: ([name, key]) => mentions('examples/kubernetes-values.yaml', `name: ${name}\n        key: ${key}\n`),
  },
  {
    pattern: /^export (\w+)=\S+$/,
    how: 'the default config reads the variable',
    check: ([name = '']) => (variables.includes(name) ? [] : [`nobody reads ${name}`]),
  },
  {
    pattern: /^git clone https:\/\/github\.com\/Flagsmith\/(\S+)$/,
    how: 'it is this repository',
    check: ([name]) => (name === REPOSITORY ? [] : [`${name} is another repository`]),
  },
  {
    pattern: /^git diff (\S+)$/,
    how: 'the path is there',
    check: ([path = '']) => missing(path),
  },
  {
    pattern:
      /^(?:npm install|npm test|npm run build|npx amplitude-core .+|flagsmith-otel-collector (?:validate )?--config collector\.yaml)$/,
    how: 'e2e/own-core.test.ts runs all commands of the tutorial',
    check: (_, { document }) => (document === read(TUTORIAL) ? [] : [`it is run in ${TUTORIAL} only`]),
  },
  {
    pattern: /^cd \.\.\/acme$/,
    how: 'e2e/own-core.test.ts runs all commands of the tutorial',
    check: (_, { document }) => (document === read(TUTORIAL) ? { folder: '' } : [`there is no folder ../acme`]),
  },
  {
    pattern: /^cd (\S+)$/,
    how: 'the folder is there',
    check: ([folder = ''], place) => {
      if (folder === REPOSITORY) return { folder: '' };
      const at = join(place.folder, folder);
      return exists(at) ? { folder: at } : [`there is no folder ${at}`];
    },
  },
];

/** What is wrong with the commands of a block of `sh`, which has one a line, or several between `&&`. */
export function shellFaults(text: string, document: string): string[] {
  const { ok, said } = run('sh', ['-n'], { input: text });
  if (!ok) return [said];
  const faults: string[] = [];
  let folder = '';
  const lines = text.replaceAll('\\\n', '').split('\n');
  for (const command of lines.flatMap((line) => line.replace(/(?:^|\s+)#.*$/, '').split(/\s*&&\s*/))) {
    if (command === '') continue;
    const result = check(command, { document, folder });
    if (Array.isArray(result)) faults.push(...result.map((fault) => `${command}: ${fault}`));
    else folder = result.folder;
  }
  return faults;
}

function check(command: string, place: Place): ReturnType<Row['check']> {
  const bare = command.replace(/^(?:[A-Z_]+=\S* )+/, '');
  for (const row of table) {
    const match = row.pattern.exec(bare);
    if (match !== null)
      return row.check(
        match.slice(1).map((group) => group ?? ''),
        place,
      );
  }
  return ['e2e/docs/commands.ts does not say how it is checked'];
}

/** Whether inline code is a command that is in the table or should be. */
export function isCommand(code: string): boolean {
  return /^(?:make|npx|cd|go|docker|helm|builder) /.test(code);
}

/** Commands whose output the documentation shows, each with a function that makes the output. */
const transcripts: Readonly<Record<string, () => string>> = {
  'dist/flagsmith-otel-collector validate --config config.yaml': () =>
    validate({
      receivers: { otlp: { protocols: { http: null } } },
      exporters: { amplitude: { region: 'mars' } },
      service: { pipelines: { logs: { receivers: ['otlp'], exporters: ['amplitude'] } } },
    }).said,
};

/** What is wrong with a block of `console`: commands behind `$`, and what they say. */
export function transcriptFaults({ text }: Block, document: string): string[] {
  const faults: string[] = [];
  for (const part of text.split(/^\$ /m).slice(1)) {
    const [command = '', ...output] = part.split('\n');
    if (command.startsWith('curl -s http://localhost:8888/metrics') && document === read(TROUBLESHOOTING)) continue;
    const said = transcripts[command]?.();
    if (said === undefined) faults.push(`e2e/docs/commands.ts does not say how "${command}" is checked`);
    else if (said.trim() !== output.join('\n').trim()) faults.push(`"${command}" says\n${said}`);
  }
  return text.startsWith('$ ') ? faults : ['has no command'];
}

interface Manifest {
  readonly dist?: { readonly name: string; readonly output_path: string };
}

/** The manifest of a document, which says what it is to be saved as. */
function manifestOf(document: string, file = ''): Manifest | undefined {
  if (!document.includes(file)) return undefined;
  return blocksOf(document)
    .filter(({ language }) => language === 'yaml')
    .map(({ text }) => parse(text) as Manifest)
    .find(({ dist }) => dist !== undefined);
}

function missing(...paths: readonly string[]): string[] {
  return paths.filter((path) => !exists(path)).map((path) => `there is no ${path} in ${dirname(path)}`);
}

function mentions(file: string, text: string): string[] {
  return read(file).includes(text) ? [] : [`${file} has no ${text}`];
}
