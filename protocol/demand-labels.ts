import type { Labels, Resource } from './messages.ts';
import { formatResources } from './resource-text.ts';

/** Labels of a FrameworkInfo by which a framework may say what it waits for, so that `mesita why` can tell what is in its way. */
export const resourcesLabel = 'mesita.resources';
/** The id of the task that these resources are for. */
export const taskLabel = 'mesita.task';

export function demandLabels(task: string, resources: readonly Resource[]): Labels {
  return {
    labels: [
      { key: taskLabel, value: task },
      { key: resourcesLabel, value: formatResources(resources) },
    ],
  };
}
