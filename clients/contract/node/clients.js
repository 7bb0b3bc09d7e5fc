// The official clients, each behind the same few verbs:
//
//   plain(model, text)       the answer
//   stream(model, text)      the answer of a stream that came to its end
//   tools(model, how)        the calls of both tools, and the answer to their results; `how` is
//                            { streamed, thinking, second }, and `second` the model that gets the results
//   image(model)             the answer to a picture
//   schema(model)            a person, as the client parsed it
//   judged(model)            the text of the answer to a request for a person
//   problem(error)           status, code, name and body, as the client's user finds them

import * as aiSdk from './clients/ai-sdk.js';
import { messages } from './clients/anthropic.js';
import { content } from './clients/google.js';
import { chat, responses } from './clients/openai.js';

/** Every client by its name, with the format that it speaks. */
export const CLIENTS = {
  'openai chat': { format: 'openai', connect: chat },
  'openai responses': { format: 'responses', connect: responses },
  anthropic: { format: 'anthropic', connect: messages },
  'google genai': { format: 'google', connect: content },
  'ai openai': { format: 'responses', connect: aiSdk.openai },
  'ai openai-compatible': { format: 'openai', connect: aiSdk.compatible },
  'ai anthropic': { format: 'anthropic', connect: aiSdk.anthropic },
  'ai google': { format: 'google', connect: aiSdk.google },
};
