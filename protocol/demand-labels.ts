/**
 * Labels of a FrameworkInfo by which a framework may say what it waits for, so that `mesita why` can tell what is in its way:
 * amounts as text (`cpus:2; mem:1024`), and the id of the task that they are for.
 */
export const resourcesLabel = 'mesita.resources';
export const taskLabel = 'mesita.task';
