/** How what deploys the collector is checked: Docker Compose, ECS, Helm. A check answers with the faults that it found. */

import { parse } from 'yaml';
import { type Config, configFaults } from './configs.ts';
import { isObject, type Json, merge } from './json.ts';
import { COMMAND, CONFIG_PATH, exists, IMAGE, ports, read, run, VERSION, variables } from './repository.ts';

// Docker Compose

const COMPOSE = 'examples/docker-compose.yaml';

interface Service {
  readonly image?: string;
  readonly environment?: Json;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly depends_on?: Json;
  readonly read_only?: boolean;
  readonly stop_grace_period?: string;
}

/** One without our image is taken as what goes over the example. */
export function composeFaults(document: Json): string[] {
  const over = !JSON.stringify(document).includes(IMAGE);
  const whole = (over ? merge(parse(read(COMPOSE)), document) : document) as {
    services: Readonly<Record<string, Service>>;
    volumes?: Json;
  };
  const faults: string[] = [];
  for (const [name, service] of Object.entries(whole.services)) {
    for (const other of Object.keys(service.depends_on ?? {})) {
      if (!(other in whole.services)) faults.push(`${name} depends on ${other}, which there is not`);
    }
    for (const [source = '', target = ''] of (service.volumes ?? []).map((volume) => volume.split(':'))) {
      const isFile = source.startsWith('./');
      if (isFile && !exists(`examples/${source}`)) faults.push(`${source} is not in examples`);
      if (isFile && target !== CONFIG_PATH) faults.push(`${source} is put where nobody looks, ${target}`);
      if (!isFile && !(source in (whole.volumes ?? {}))) faults.push(`there is no volume ${source}`);
    }
  }
  const ours = Object.values(whole.services).filter(({ image }) => image?.startsWith(IMAGE));
  if (ours.length !== 1) faults.push('no service has the image');
  for (const service of ours) {
    faults.push(...imageFaults(service.image), ...environmentFaults(Object.keys(service.environment ?? {})));
    faults.push(...portFaults((service.ports ?? []).map((port) => Number(port.split(':').at(-1)))));
    faults.push(...graceFaults(Number.parseInt(service.stop_grace_period ?? '0', 10)));
    if (service.read_only !== true) faults.push('the root file system may be read_only');
    const config = service.volumes?.find((volume) => volume.includes(CONFIG_PATH))?.split(':')[0];
    const mounts = (service.volumes ?? []).map((volume) => volume.split(':')[1] as string);
    if (config !== undefined) faults.push(...directoryFaults(parse(read(`examples/${config}`)) as Config, mounts));
  }
  if (run('docker', ['compose', 'version']).ok) {
    const files = over ? ['--file', COMPOSE, '--file', '-'] : ['--file', '-'];
    const { ok, said } = run('docker', ['compose', ...files, 'config', '--quiet'], { input: JSON.stringify(document) });
    if (!ok) faults.push(said);
  }
  return faults;
}

// ECS

interface Container {
  readonly image: string;
  readonly portMappings: readonly { readonly containerPort: number }[];
  readonly secrets: readonly { readonly name: string; readonly valueFrom: string }[];
  readonly environment: readonly { readonly name: string }[];
  readonly memory: number;
  readonly readonlyRootFilesystem: boolean;
  readonly stopTimeout: number;
  readonly healthCheck?: unknown;
}

/** Megabytes that a Fargate task of so many CPU units may have, the smaller ones. */
const FARGATE_MEMORY: Readonly<Record<string, readonly string[]>> = {
  256: ['512', '1024', '2048'],
  512: ['1024', '2048', '3072', '4096'],
};

/** What is wrong with a task definition. */
export function taskDefinitionFaults(text: string): string[] {
  const task = JSON.parse(text) as { cpu: string; memory: string; containerDefinitions: readonly Container[] };
  const faults: string[] = [];
  if (!FARGATE_MEMORY[task.cpu]?.includes(task.memory)) faults.push(`Fargate has no ${task.cpu} with ${task.memory}`);
  for (const container of task.containerDefinitions) {
    const names = [...container.environment, ...container.secrets].map(({ name }) => name);
    // JSON has no comments that could tell a release to write its version.
    faults.push(...imageFaults(container.image, 'latest'), ...environmentFaults(names));
    faults.push(...portFaults(container.portMappings.map(({ containerPort }) => containerPort)));
    faults.push(...graceFaults(container.stopTimeout));
    // Fargate's longest.
    if (container.stopTimeout > 120) faults.push(`stopTimeout is ${container.stopTimeout}`);
    const secret = container.secrets.find(({ name }) => name === 'AMPLITUDE_API_KEY');
    if (!secret?.valueFrom.startsWith('arn:aws:secretsmanager:')) faults.push('the API key is in no secret');
    if (!container.readonlyRootFilesystem) faults.push('the root file system may be read-only');
    if (container.memory > Number(task.memory)) faults.push('the container has more memory than the task');
    if (container.healthCheck !== undefined) faults.push('the image has no command to check health with');
  }
  return faults;
}

// Helm

const VALUES = 'examples/kubernetes-values.yaml';

/** Any keys: what stands below goes to Kubernetes or the collector as it is. */
const any = true;
const port = { enabled: any };

/** The keys of the chart open-telemetry/opentelemetry-collector 0.170.0 that the documentation uses. */
const chartKeys = {
  mode: any,
  replicaCount: any,
  image: { repository: any, tag: any },
  command: { name: any },
  extraEnvs: any,
  extraVolumeMounts: any,
  config: any,
  ports: { 'jaeger-compact': port, 'jaeger-thrift': port, 'jaeger-grpc': port, zipkin: port, metrics: port },
  resources: any,
  podSecurityContext: any,
  securityContext: any,
  terminationGracePeriodSeconds: any,
  statefulset: { volumeClaimTemplates: any },
};

/** What that chart's own `config` has, as far as it decides whether the merged one is good. */
const chartConfig = {
  receivers: {
    jaeger: {},
    otlp: {
      protocols: { grpc: { endpoint: '127.0.0.1:4317' }, http: { endpoint: '127.0.0.1:4318' } },
    },
    prometheus: {},
    zipkin: {},
  },
  processors: { batch: {}, memory_limiter: { check_interval: '5s', limit_percentage: 80, spike_limit_percentage: 25 } },
  exporters: { debug: {} },
  extensions: { health_check: { endpoint: '127.0.0.1:13133' } },
  service: {
    extensions: ['health_check'],
    pipelines: {
      logs: { receivers: ['otlp'], processors: ['memory_limiter', 'batch'], exporters: ['debug'] },
      metrics: { receivers: ['otlp', 'prometheus'], processors: ['memory_limiter', 'batch'], exporters: ['debug'] },
      traces: {
        receivers: ['otlp', 'jaeger', 'zipkin'],
        processors: ['memory_limiter', 'batch'],
        exporters: ['debug'],
      },
    },
  },
};

interface Values {
  readonly mode: string;
  readonly image: { readonly repository: string; readonly tag: string };
  readonly command: { readonly name: string };
  readonly extraEnvs: readonly { readonly name: string }[];
  readonly extraVolumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
  readonly terminationGracePeriodSeconds: number;
  readonly statefulset?: { readonly volumeClaimTemplates: readonly { readonly metadata: { readonly name: string } }[] };
}

/** One without an image is taken as what goes over the example. */
export function helmFaults(document: Json): string[] {
  const whole = ('image' in document ? document : merge(parse(read(VALUES)), document)) as Json & Values;
  const faults = unknownKeys(document, chartKeys).map((key) => `the chart has no ${key}, or not that it is known here`);
  if (!['deployment', 'statefulset', 'daemonset'].includes(whole.mode)) faults.push(`mode is ${whole.mode}`);
  faults.push(...imageFaults(`${whole.image.repository}:${whole.image.tag}`));
  faults.push(...environmentFaults(whole.extraEnvs.map(({ name }) => name)));
  faults.push(...graceFaults(whole.terminationGracePeriodSeconds));
  if (whole.command.name !== COMMAND) faults.push(`the image has no /${whole.command.name}`);

  const config = merge(chartConfig, whole.config) as Config;
  faults.push(...configFaults(config as Json));
  const mounts = whole.extraVolumeMounts ?? [];
  const claims = whole.statefulset?.volumeClaimTemplates.map(({ metadata }) => metadata.name) ?? [];
  faults.push(
    ...mounts.filter(({ name }) => !claims.includes(name)).map(({ name }) => `no volume is claimed as ${name}`),
  );
  faults.push(
    ...directoryFaults(
      config,
      mounts.map(({ mountPath }) => mountPath),
    ),
  );
  return faults;
}

function unknownKeys(values: unknown, known: unknown, path = ''): string[] {
  if (known === any || !isObject(values) || !isObject(known)) return [];
  return Object.entries(values).flatMap(([key, value]) =>
    key in known ? unknownKeys(value, known[key], `${path}${key}.`) : [`${path}${key}`],
  );
}

// What all deployments share

/** The exporter's timeout in seconds, which a shutdown may take. */
const TIMEOUT = 30;

function imageFaults(image: string | undefined, tag = VERSION): string[] {
  return image === `${IMAGE}:${tag}` ? [] : [`the image is ${image}, and should be ${IMAGE}:${tag}`];
}

function environmentFaults(names: readonly string[]): string[] {
  const known = [...variables, 'GOMEMLIMIT'];
  const faults = names.filter((name) => !known.includes(name)).map((name) => `nobody reads ${name}`);
  return names.includes('AMPLITUDE_API_KEY') ? faults : [...faults, 'AMPLITUDE_API_KEY is missing'];
}

function portFaults(published: readonly number[]): string[] {
  const faults = published.filter((one) => !ports.includes(one)).map((one) => `nobody listens on ${one}`);
  return published.includes(4318) ? faults : [...faults, 'OTLP cannot be sent'];
}

function graceFaults(seconds: number): string[] {
  return seconds > TIMEOUT ? [] : [`the collector is killed after ${seconds} s, and may send for ${TIMEOUT}`];
}

/** A queue on disk has to be on a volume. */
function directoryFaults({ extensions }: Config, mounts: readonly string[]): string[] {
  const directory = (extensions?.file_storage as { directory?: string } | undefined)?.directory;
  if (directory === undefined || mounts.some((mount) => directory.startsWith(`${mount}/`))) return [];
  return [`${directory} is on no volume`];
}
