import { createRequire } from 'node:module'
import { type Run, run } from './cupel.ts'

const program = createRequire(import.meta.url).resolve('serverless/bin/serverless.js')

/** Run `serverless <args>` in this project as a person without an account would, in a process group of its own. */
export const serverless = (args: readonly string[], environment: Record<string, string>): Run =>
  run([program, ...args], { ...withoutAccount, ...environment })

// Empty variables are as good as none to the AWS SDK.
const withoutAccount = {
  AWS_ACCESS_KEY_ID: '',
  AWS_SECRET_ACCESS_KEY: '',
  AWS_SESSION_TOKEN: '',
  AWS_PROFILE: '',
  AWS_EC2_METADATA_DISABLED: 'true',
  AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
  FORCE_COLOR: '0',
}
