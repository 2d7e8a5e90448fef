import { type Dataset, writtenFields } from '@cupel/core/dataset'
import { schemaOf } from '@cupel/core/kinds/object'

/** What a sender should write, as a JSON Schema. A dataset takes more spellings than these: docs/kinds.md. */
export const jsonSchema = ({ name, description, version, fields, unknownFields }: Dataset): string =>
  `${JSON.stringify(
    {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      $id: `urn:cupel:${name}:${version}`,
      title: name,
      description,
      ...schemaOf(writtenFields({ fields })),
      ...(unknownFields === 'reject' && { additionalProperties: false }),
    },
    null,
    2,
  )}\n`
