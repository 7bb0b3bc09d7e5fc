// The `@anthropic-ai/sdk` package.

import Anthropic from '@anthropic-ai/sdk';
import { zodOutputFormat } from '@anthropic-ai/sdk/helpers/zod';

import { GO, PERSON, PICTURE, TOOLS, Unfinished, use } from '../conversation.js';

/** Messages. */
export function messages({ address, key }) {
  const client = new Anthropic({ baseURL: address, apiKey: key, maxRetries: 0 });
  const tools = TOOLS.map(({ name, description, parameters }) => ({ name, description, input_schema: parameters }));

  const ask = (model, content, more) => client.messages.create({
    model, max_tokens: 4096, messages: [{ role: 'user', content }], ...more,
  });
  const text = ({ content }) => content.filter((block) => block.type === 'text').map((block) => block.text).join('');
  const format = { output_config: { format: zodOutputFormat(PERSON) } };

  return {
    problem: (error) => ({
      status: error.status,
      code: error.errorCode,
      name: error.constructor.name,
      body: error.error,
      ours: error.headers?.get('x-tollgate-error-code'),
    }),
    plain: async (model, content) => text(await ask(model, content)),
    async stream(model, content) {
      let said = '';
      let stopped = false;
      for await (const event of await ask(model, content, { stream: true })) {
        said += event.type === 'content_block_delta' && event.delta.type === 'text_delta' ? event.delta.text : '';
        stopped ||= event.type === 'message_stop';
      }
      if (!stopped) {
        throw new Unfinished(said);
      }
      return said;
    },
    async tools(model, { streamed, thinking, second = model } = {}) {
      const more = { max_tokens: 4096, tools, ...thinking && { thinking: { type: 'enabled', budget_tokens: 1024 } } };
      const turn = (asked, messages) => {
        const body = { model: asked, messages, ...more };
        return streamed ? client.messages.stream(body).finalMessage() : client.messages.create(body);
      };
      const said = [{ role: 'user', content: GO }];
      const called = await turn(model, said);
      const calls = called.content.filter((block) => block.type === 'tool_use').map((block) => ({
        id: block.id, name: block.name, given: block.input,
      }));
      said.push({ role: 'assistant', content: called.content });
      said.push({
        role: 'user',
        content: calls.map(({ id, name, given }) => ({
          type: 'tool_result', tool_use_id: id, content: use(name, given),
        })),
      });
      return { calls, text: text(await turn(second, said)) };
    },
    image: async (model) => text(await ask(model, [
      { type: 'text', text: 'Look.' },
      { type: 'image', source: { type: 'base64', media_type: PICTURE.type, data: PICTURE.base64 } },
    ])),
    async schema(model) {
      const body = { model, max_tokens: 4096, messages: [{ role: 'user', content: GO }], ...format };
      return (await client.messages.parse(body)).parsed_output;
    },
    judged: async (model) => text(await ask(model, GO, format)),
  };
}
