import { expect, it } from 'vitest'
import { endpointVariables } from '#localstack/local-cloud.ts'

const endpoints = { kafka: '127.0.0.1:1', s3: 'http://127.0.0.1:2', lambda: 'http://127.0.0.1:3' }

it('gives functions the credentials of the S3 in use, without the token that it would refuse', () => {
  const s3Credentials = { accessKeyId: 'me', secretAccessKey: 'my secret' }
  expect(endpointVariables({ ...endpoints, s3Credentials }, 'eu-west-1')).toMatchObject({
    AWS_ACCESS_KEY_ID: 'me',
    AWS_SECRET_ACCESS_KEY: 'my secret',
    AWS_SESSION_TOKEN: '',
  })
  expect(endpointVariables(endpoints, 'eu-west-1')).not.toHaveProperty('AWS_SESSION_TOKEN')
})
