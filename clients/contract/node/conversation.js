// What the clients say and are given, in no client's own form.

import { z } from 'zod';

export const GO = 'Go ahead and call both tools.';

/** The tools of the loop. Their results tell with what they were called. */
export const TOOLS = [
  {
    name: 'weather',
    description: 'Tells the weather of a city.',
    parameters: {
      type: 'object',
      properties: { city: { type: 'string' } },
      required: ['city'],
      additionalProperties: false,
    },
  },
  {
    name: 'count',
    description: 'Counts things.',
    parameters: {
      type: 'object',
      properties: { things: { type: 'array', items: { type: 'string' } }, twice: { type: 'boolean' } },
      required: ['things', 'twice'],
      additionalProperties: false,
    },
  },
];

/** What a tool gives. */
export const use = (name, given) => `${name} was given ${JSON.stringify(given)}`;

/** A picture of one pixel. */
export const PICTURE = {
  type: 'image/png',
  base64: 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
};
PICTURE.bytes = Buffer.from(PICTURE.base64, 'base64').length;

/** The form of an answer. */
export const PERSON = z.strictObject({ name: z.string(), age: z.number(), tags: z.array(z.string()) });

/** The same as JSON schema, as every family knows it. */
export const PERSON_SCHEMA = {
  type: 'object',
  properties: { name: { type: 'string' }, age: { type: 'number' }, tags: { type: 'array', items: { type: 'string' } } },
  required: ['name', 'age', 'tags'],
  additionalProperties: false,
};

/** The error of a stream that ended without saying that it had come to its end. */
export class Unfinished extends Error {
  name = 'Unfinished';
}

/** The error of a stream whose failure the client hands over as an event. */
export class Failed extends Error {
  name = 'Failed';

  constructor(said) {
    super(said.message);
    this.said = said;
  }
}
