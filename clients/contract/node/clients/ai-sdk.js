// The `ai` package, over four of its providers.

import { createAnthropic } from '@ai-sdk/anthropic';
import { createGoogleGenerativeAI } from '@ai-sdk/google';
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import {
  APICallError, generateText, jsonSchema, NoObjectGeneratedError, Output, stepCountIs, streamText, tool,
} from 'ai';

import { GO, PERSON, PICTURE, TOOLS, Unfinished, use } from '../conversation.js';
import { reason } from './google.js';

// It warns of each model whose limits it does not know.
globalThis.AI_SDK_LOG_WARNINGS = false;

/** `@ai-sdk/openai`, which speaks responses unless told otherwise. */
export const openai = ({ address, key }) => client(
  createOpenAI({ baseURL: `${address}/v1`, apiKey: key }),
  // The gateway keeps nothing, so what was thought is to come back whole and not by its name.
  { openai: { reasoningEffort: 'high', reasoningSummary: 'auto', store: false, forceReasoning: true } },
);

/** `@ai-sdk/openai-compatible`, which speaks chat completions. */
export const compatible = ({ address, key }) => client(
  createOpenAICompatible({
    // Under this name it sends signatures of calls back; under others it keeps them to itself.
    name: 'google', baseURL: `${address}/v1`, apiKey: key, includeUsage: true, supportsStructuredOutputs: true,
  }),
  { google: { reasoningEffort: 'high' } },
);

/** `@ai-sdk/anthropic`. */
export const anthropic = ({ address, key }) => client(
  createAnthropic({ baseURL: `${address}/v1`, apiKey: key }),
  { anthropic: { thinking: { type: 'enabled', budgetTokens: 1024 } } },
);

/** `@ai-sdk/google`, which takes a name with a slash for a whole path. */
export function google({ address, key }) {
  const provider = createGoogleGenerativeAI({ baseURL: `${address}/v1beta`, apiKey: key });
  const thinking = { google: { thinkingConfig: { includeThoughts: true } } };
  return client((model) => provider(`models/${model}`), thinking);
}

function problem(error) {
  if (!APICallError.isInstance(error)) {
    return { name: error.name, code: error.code, body: error };
  }
  const body = error.responseBody && JSON.parse(error.responseBody).error;
  return {
    status: error.statusCode,
    code: body?.details?.error_code ?? reason(body) ?? body?.code,
    name: error.name,
    body,
    ours: error.responseHeaders?.['x-tollgate-error-code'],
  };
}

function client(provider, providerOptions) {
  const settings = (model, more) => ({ model: provider(model), maxRetries: 0, ...more });
  const ask = (model, more) => generateText(settings(model, more));

  /** The steps of a stream to its end. */
  async function read(model, more) {
    const result = streamText(settings(model, { ...more, onError() {} }));
    let text = '';
    let finish;
    for await (const part of result.fullStream) {
      if (part.type === 'error') {
        throw part.error;
      }
      text += part.type === 'text-delta' ? part.text : '';
      finish = part.type === 'finish' ? part.finishReason : finish;
    }
    if (finish === undefined || finish === 'error') {
      throw new Unfinished(text);
    }
    return { text, steps: await result.steps };
  }

  const tools = Object.fromEntries(TOOLS.map(({ name, description, parameters }) => [name, tool({
    description, inputSchema: jsonSchema(parameters), execute: (given) => use(name, given),
  })]));
  const person = { prompt: GO, output: Output.object({ schema: PERSON, name: 'person' }) };

  return {
    problem,
    plain: async (model, prompt) => (await ask(model, { prompt })).text,
    stream: async (model, prompt) => (await read(model, { prompt })).text,
    async tools(model, { streamed, thinking, second = model } = {}) {
      // The package runs the loop by itself, and says again what the model said.
      const prepareStep = ({ stepNumber }) => ({ model: provider(stepNumber === 0 ? model : second) });
      const more = { prompt: GO, tools, prepareStep, stopWhen: stepCountIs(3), ...thinking && { providerOptions } };
      const { steps } = await (streamed ? read : ask)(model, more);
      const calls = steps[0].toolCalls.map(({ toolCallId, toolName, input }) => ({
        id: toolCallId, name: toolName, given: input,
      }));
      return { calls, text: steps.at(-1).text };
    },
    image: async (model) => (await ask(model, {
      messages: [{
        role: 'user',
        content: [{ type: 'text', text: 'Look.' }, { type: 'image', image: PICTURE.base64, mediaType: PICTURE.type }],
      }],
    })).text,
    schema: async (model) => (await ask(model, person)).output,
    async judged(model) {
      try {
        return (await ask(model, person)).text;
      } catch (error) {
        // What the judge says is no person, and the package has noticed.
        if (NoObjectGeneratedError.isInstance(error)) {
          return error.text;
        }
        throw error;
      }
    },
  };
}
