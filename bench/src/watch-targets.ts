/** The targets of `bench watch`, in the order of the page. */
export const watchTargets = [
  {
    benchmark: 'watch',
    figure: 'memory of idle watchers',
    target: '<= 150',
    words: 'memory of 2,000 idle watchers in an API process',
  },
  {
    benchmark: 'watch',
    figure: 'CPU of idle watchers',
    target: '<= 5',
    words: 'CPU of 2,000 idle watchers in an API process',
  },
  {
    benchmark: 'watch',
    figure: 'commit → watcher: p50',
    target: '<= 150',
    words: 'from a commit to a watcher of all orders at 20 orders a second, p50',
  },
  {
    benchmark: 'watch',
    figure: 'commit → watcher: p99',
    target: '<= 500',
    words: 'from a commit to a watcher of all orders at 20 orders a second, p99',
  },
  {
    benchmark: 'watch',
    figure: 'memory of stalled readers',
    target: '<= 16',
    words: 'memory that 100 readers take that watch all orders and read nothing',
  },
  {
    benchmark: 'watch',
    figure: 'commit → watcher: p99 beside stalled readers / alone',
    target: '<= 1.5',
    words: "a watcher's p99 beside 100 stalled readers, against that without them",
  },
] as const;
