// The `openai` package: chat completions and responses.

import OpenAI from 'openai';
import { zodResponseFormat, zodTextFormat } from 'openai/helpers/zod';

import { Failed, GO, PERSON, PICTURE, TOOLS, Unfinished, use } from '../conversation.js';

const PICTURE_URL = `data:${PICTURE.type};base64,${PICTURE.base64}`;

const connect = ({ address, key }) => new OpenAI({ baseURL: `${address}/v1`, apiKey: key, maxRetries: 0 });

function problem(error) {
  // The body of a `response.failed` event is all there is: the client hands it over and goes on.
  if (error instanceof Failed) {
    return { status: error.said.status, code: error.said.code, name: error.name, body: error.said };
  }
  return {
    status: error.status,
    code: error.code,
    name: error.constructor.name,
    body: error.error,
    ours: error.headers?.get('x-tollgate-error-code'),
  };
}

/** Chat completions. */
export function chat(at) {
  const client = connect(at);
  const user = (content) => [{ role: 'user', content }];
  const tools = TOOLS.map((tool) => ({ type: 'function', function: { ...tool, strict: true } }));

  const ask = async (body) => (await client.chat.completions.create(body)).choices[0].message;
  const read = async (body) => (await client.chat.completions.stream(body).finalChatCompletion()).choices[0].message;

  return {
    problem,
    plain: async (model, text) => (await ask({ model, messages: user(text) })).content,
    async stream(model, text) {
      let said = '';
      let finish = null;
      for await (const chunk of await client.chat.completions.create({ model, messages: user(text), stream: true })) {
        said += chunk.choices[0]?.delta.content ?? '';
        finish = chunk.choices[0]?.finish_reason ?? finish;
      }
      if (finish === null) {
        throw new Unfinished(said);
      }
      return said;
    },
    async tools(model, { streamed, thinking, second = model } = {}) {
      const turn = streamed ? read : ask;
      const messages = user(GO);
      const more = { tools, ...thinking && { reasoning_effort: 'high' } };
      const called = await turn({ model, messages, ...more });
      messages.push(called);
      const calls = called.tool_calls.map((call) => ({
        id: call.id, name: call.function.name, given: JSON.parse(call.function.arguments),
      }));
      for (const { id, name, given } of calls) {
        messages.push({ role: 'tool', tool_call_id: id, content: use(name, given) });
      }
      return { calls, text: (await turn({ model: second, messages, ...more })).content };
    },
    image: async (model) => (await ask({
      model, messages: user([{ type: 'text', text: 'Look.' }, { type: 'image_url', image_url: { url: PICTURE_URL } }]),
    })).content,
    async schema(model) {
      const response_format = zodResponseFormat(PERSON, 'person');
      const answer = await client.chat.completions.parse({ model, messages: user(GO), response_format });
      return answer.choices[0].message.parsed;
    },
    judged: async (model) => (await ask({
      model, messages: user(GO), response_format: zodResponseFormat(PERSON, 'person'),
    })).content,
  };
}

/** Responses. */
export function responses(at) {
  const client = connect(at);
  const tools = TOOLS.map((tool) => ({ type: 'function', ...tool, strict: true }));
  const shared = { store: false, include: ['reasoning.encrypted_content'] };

  const ask = (body) => client.responses.create({ ...shared, ...body });
  const format = () => ({ format: zodTextFormat(PERSON, 'person') });

  /** The response at the end of a stream, and the text that came on the way. */
  async function read(body) {
    let said = '';
    let last = null;
    for await (const event of await ask({ ...body, stream: true })) {
      if (event.type === 'response.failed') {
        throw new Failed(event.response.error);
      }
      said += event.type === 'response.output_text.delta' ? event.delta : '';
      last = event.type === 'response.completed' ? event.response : last;
    }
    if (last === null) {
      throw new Unfinished(said);
    }
    return { ...last, output_text: said };
  }

  return {
    problem,
    plain: async (model, text) => (await ask({ model, input: text })).output_text,
    stream: async (model, text) => (await read({ model, input: text })).output_text,
    async tools(model, { streamed, thinking, second = model } = {}) {
      const turn = streamed ? read : ask;
      const more = { tools, ...thinking && { reasoning: { effort: 'high', summary: 'auto' } } };
      const input = [{ role: 'user', content: GO }];
      const called = await turn({ model, input, ...more });
      input.push(...called.output);
      const calls = called.output.filter((item) => item.type === 'function_call').map((item) => ({
        id: item.call_id, name: item.name, given: JSON.parse(item.arguments),
      }));
      for (const { id, name, given } of calls) {
        input.push({ type: 'function_call_output', call_id: id, output: use(name, given) });
      }
      return { calls, text: (await turn({ model: second, input, ...more })).output_text };
    },
    image: async (model) => (await ask({
      model,
      input: [{
        role: 'user',
        content: [{ type: 'input_text', text: 'Look.' }, { type: 'input_image', image_url: PICTURE_URL }],
      }],
    })).output_text,
    schema: async (model) => (await client.responses.parse({ model, input: GO, text: format() })).output_parsed,
    judged: async (model) => (await ask({ model, input: GO, text: format() })).output_text,
  };
}
