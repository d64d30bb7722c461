/** Light enough for dark labels, as those of Node-RED's own nodes, in both themes. */
export const COLOURS = {
  event: "#F3C583",
  task: "#87CEC4",
  wait: "#E6D28A",
  application: "#A9BEE8",
  service: "#C9B6E4",
  removed: "#B8B8B8",
} as const
