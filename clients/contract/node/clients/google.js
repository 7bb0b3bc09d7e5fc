// The `@google/genai` package.

import { ApiError, GoogleGenAI } from '@google/genai';

import { GO, PERSON, PERSON_SCHEMA, PICTURE, TOOLS, Unfinished, use } from '../conversation.js';

/** The code in an error object of Gemini's form. */
export const reason = (error) =>
  error?.details?.find?.((detail) => detail.domain === 'tollgate')?.reason.toLowerCase();

function problem(error) {
  if (!(error instanceof ApiError)) {
    return { name: error.constructor.name };
  }
  // The client has no members for the body: it is in the message, behind some words when it came in a stream.
  const body = JSON.parse(error.message.slice(error.message.indexOf('{'))).error;
  return { status: error.status, code: reason(body), name: error.constructor.name, body };
}

/** Content. */
export function content({ address, key }) {
  const client = new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl: address } });
  const tools = {
    tools: [{
      functionDeclarations: TOOLS.map(({ name, description, parameters }) => ({
        name, description, parametersJsonSchema: parameters,
      })),
    }],
  };

  const ask = (model, contents, more) => client.models.generateContent({ model, contents, config: more });
  const format = { responseMimeType: 'application/json', responseJsonSchema: PERSON_SCHEMA };

  // A chat of the client would keep each chunk as a turn of its own, and Gemini itself refuses results that do not
  // follow on all of their calls; so the parts of a stream are put together here.
  /** The answer of a stream to its end. */
  async function read(chunks) {
    const parts = [];
    let finish;
    for await (const chunk of chunks) {
      const [candidate] = chunk.candidates ?? [];
      parts.push(...candidate?.content?.parts ?? []);
      finish = candidate?.finishReason ?? finish;
    }
    const text = parts.filter((part) => !part.thought).map((part) => part.text ?? '').join('');
    if (finish === undefined) {
      throw new Unfinished(text);
    }
    const functionCalls = parts.flatMap((part) => part.functionCall ?? []);
    return { candidates: [{ content: { role: 'model', parts } }], functionCalls, text };
  }

  return {
    problem,
    plain: async (model, contents) => (await ask(model, contents)).text,
    async stream(model, contents) {
      return (await read(await client.models.generateContentStream({ model, contents }))).text;
    },
    async tools(model, { streamed, thinking, second = model } = {}) {
      const config = { ...tools, ...thinking && { thinkingConfig: { includeThoughts: true } } };
      const turn = async (one, contents) => {
        const asked = { model: one, contents, config };
        return streamed
          ? read(await client.models.generateContentStream(asked))
          : client.models.generateContent(asked);
      };
      const contents = [{ role: 'user', parts: [{ text: GO }] }];
      const called = await turn(model, contents);
      const calls = called.functionCalls.map(({ id, name, args }) => ({ id, name, given: args }));
      contents.push(called.candidates[0].content);
      contents.push({
        role: 'user',
        parts: calls.map(({ id, name, given }) => ({
          functionResponse: { id, name, response: { output: use(name, given) } },
        })),
      });
      return { calls, text: (await turn(second, contents)).text };
    },
    image: async (model) => (await ask(model, [
      { text: 'Look.' }, { inlineData: { mimeType: PICTURE.type, data: PICTURE.base64 } },
    ])).text,
    schema: async (model) => PERSON.parse(JSON.parse((await ask(model, GO, format)).text)),
    judged: async (model) => (await ask(model, GO, format)).text,
  };
}
