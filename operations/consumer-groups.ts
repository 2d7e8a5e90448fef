/** Consumer groups' names, or how names begin, that serverless.yml gives in the stage `local`. */
export const consumerGroups = {
  all: 'cupel-local-',
  ingest: 'cupel-local-ingest-',
  detectFraud: 'cupel-local-detect-fraud',
} as const
