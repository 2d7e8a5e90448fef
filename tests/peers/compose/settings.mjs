// What localstack/compose.yml says, with its services on this machine in place of containers. Environment:
// HOST_PORT, NETWORK_PORT, CONTROLLER_PORT (Kafka's listeners), S3_PORT and WORK (a folder).
// node settings.mjs image | kafka | minio | variables
import { readFileSync } from 'node:fs'
import { load } from 'js-yaml'

const { HOST_PORT, NETWORK_PORT, CONTROLLER_PORT, S3_PORT, WORK } = process.env
const text = readFileSync(new URL('../../../localstack/compose.yml', import.meta.url), 'utf8')
const given = { KAFKA_PORT: HOST_PORT, MINIO_PORT: S3_PORT }
const compose = load(text.replace(/\$\{(\w+):-([^}]*)\}/g, (_, name, otherwise) => given[name] ?? otherwise))
const { kafka, minio } = compose.services

const here = (value) =>
  value
    .replace('HOST://:9092', `HOST://127.0.0.1:${HOST_PORT}`)
    .replace('NETWORK://:19092', `NETWORK://127.0.0.1:${NETWORK_PORT}`)
    .replace('CONTROLLER://:9093', `CONTROLLER://127.0.0.1:${CONTROLLER_PORT}`)
    .replace('localhost:9093', `127.0.0.1:${CONTROLLER_PORT}`)
    .replace('kafka:19092', `127.0.0.1:${NETWORK_PORT}`)
    .replace('/var/lib/kafka', `${WORK}/kafka`)
    .replace(/^\/data\b/, `${WORK}/minio`)

const lines = {
  image: () => [kafka.image.replace(/^apache\/kafka:|@.*/g, ''), kafka.environment.CLUSTER_ID],
  // The image turns KAFKA_LOG_DIRS into log.dirs.
  kafka: () =>
    Object.entries(kafka.environment)
      .filter(([name]) => name.startsWith('KAFKA_') && name !== 'KAFKA_HEAP_OPTS')
      .map(([name, value]) => `${name.slice(6).toLowerCase().replaceAll('_', '.')}=${here(value)}`),
  minio: () => Object.entries(minio.environment).map(([name, value]) => `${name}=${here(value)}`),
  variables: () => Object.entries(compose['x-variables']).map(([name, value]) => `${name}=${value}`),
}
console.log(lines[process.argv[2]]().join('\n'))
