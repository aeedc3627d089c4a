/** Examples to start from: cases of the corpus, so that what they show is tested. */

import browserConfig from '../../exporter/testdata/browser/config.yaml?raw';
import browserLogs from '../../exporter/testdata/browser/logs.json?raw';
import backendConfig from '../../exporter/testdata/flagsmith-backend/config.yaml?raw';
import backendLogs from '../../exporter/testdata/flagsmith-backend/logs.json?raw';
import groupsConfig from '../../exporter/testdata/groups/config.yaml?raw';
import groupsLogs from '../../exporter/testdata/groups/logs.json?raw';
import exposureConfig from '../../exporter/testdata/openfeature-event-hook/config.yaml?raw';
import exposureLogs from '../../exporter/testdata/openfeature-event-hook/logs.json?raw';
import revenueConfig from '../../exporter/testdata/revenue/config.yaml?raw';
import revenueLogs from '../../exporter/testdata/revenue/logs.json?raw';

export interface Example {
  readonly title: string;
  readonly config: string;
  readonly records: string;
}

export const backend: Example = { title: "Flagsmith's backend", config: backendConfig, records: backendLogs };

export const examples: readonly Example[] = [
  backend,
  { title: 'Purchases and revenue', config: revenueConfig, records: revenueLogs },
  { title: 'Groups', config: groupsConfig, records: groupsLogs },
  { title: "A browser's session", config: browserConfig, records: browserLogs },
  { title: 'Flag evaluations as $exposure', config: exposureConfig, records: exposureLogs },
];
