// Every client with every family of providers behind the gateway.

import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';

import { CLIENTS } from './clients.js';
import { GO, PERSON_SCHEMA, PICTURE, TOOLS, use } from './conversation.js';
import { FAMILIES, KEY, startGateway } from './gateway.js';

const LIMIT_MS = 20_000;

const TEXT = 'Grüße an 世界 🙂, "so" it is.';
const { additionalProperties: _, ...OPEN_SCHEMA } = PERSON_SCHEMA;
const PERSON = { name: 'simulated', age: 1.5, tags: ['simulated'] };
const GIVEN = { weather: { city: 'simulated' }, count: { things: ['simulated'], twice: true } };
const RESULTS = TOOLS.map(({ name }) => ({ name, content: use(name, GIVEN[name]) }));

/** Errors before anything was said: the code, and the status that decides the class. */
const ERRORS = [
  { model: 'fault/rate-limit', status: 429, code: 'provider_rate_limited' },
  // Anthropic's clients know this one by a status of their own.
  { model: 'fault/overloaded', status: 503, code: 'provider_overloaded', anthropic: 529 },
  { model: 'fault/server-error', status: 502, code: 'provider_error' },
  { model: 'fault/invalid-api-key', status: 502, code: 'provider_authentication_failed' },
  { model: 'fault/quota', status: 502, code: 'provider_quota_exhausted' },
];

/** The same, where only streams fail. */
const EARLY = [
  { model: 'fault/cut-after=0', status: 502, code: 'provider_invalid_response' },
  { model: 'fault/error-first', status: 502, code: 'provider_error' },
];

/** Errors after something was said. */
const LATE = [
  { model: 'fault/cut-after=12', code: 'stream_interrupted' },
  { model: 'fault/cut-after=12:how=rst', code: 'stream_interrupted' },
  { model: 'fault/cut-after=12:how=clean', code: 'stream_interrupted' },
  { model: 'fault/cut-after=12:part=20', code: 'stream_interrupted' },
  { model: 'fault/error-event:after=12', code: 'provider_error' },
  { model: 'fault/bad-json:after=12', code: 'provider_invalid_response' },
];

/** The errors that are our own. */
const OWN = [
  { name: 'an unknown model', model: 'nobody/home', status: 404, code: 'model_not_found' },
  { name: 'a wrong key', model: 'sim/echo', key: 'sk-wrong-0123456789', status: 401, code: 'invalid_api_key' },
];

/** The classes of a package that has one for each status. */
const CLASSES = {
  400: 'BadRequestError',
  401: 'AuthenticationError',
  404: 'NotFoundError',
  429: 'RateLimitError',
  502: 'InternalServerError',
  503: 'InternalServerError',
  529: 'OverloadedError',
};

/**
 * What each client makes of things: the names of errors by status and in the middle of a stream (where the AI SDK
 * hands over what has no class), and where it does not hand on all that there is.
 */
const WAYS = {
  'openai chat': { early: CLASSES, late: 'APIError' },
  'openai responses': { early: CLASSES, late: 'Failed' },
  anthropic: { early: CLASSES, late: 'APIError' },
  'google genai': { early: 'ApiError', late: 'ApiError' },
  'ai openai': { early: 'AI_APICallError' },
  'ai openai-compatible': { early: 'AI_APICallError' },
  // Of an error event it keeps type and message.
  'ai anthropic': { early: 'AI_APICallError', hidesCode: true },
  // It wraps results of tools once more, and its forms cannot be closed.
  'ai google': { early: 'AI_APICallError', late: 'AI_APICallError', wraps: true, opens: true },
};

/** The families that answer in a client's own format, so that their complaints reach it as they are. */
const SAME = {
  openai: ['sim', 'openai', 'responses'],
  responses: ['sim', 'openai', 'responses'],
  anthropic: ['sim', 'anthropic'],
  google: ['sim', 'google'],
};

/** What the judge saw of the form that was asked for. */
function formOf({ output, tools }) {
  // The AI SDK asks Anthropic models that it does not know for the call of one tool.
  const { $schema, ...form } = output?.schema ?? tools[0].schema;
  return form;
}

// Not in a `before`: when that fails, every test is cancelled and none says why.
const gateway = await startGateway();
after(() => gateway.stop(), { timeout: LIMIT_MS });

for (const [name, { format, connect }] of Object.entries(CLIENTS)) {
  describe(name, { concurrency: 4 }, () => {
    const check = (title, run) => it(title, { timeout: LIMIT_MS }, run);
    const { early, late, hidesCode, wraps, opens } = WAYS[name];
    const told = (results) => results.map((result) => (wraps ? JSON.stringify(result) : result.content)).join('\n');
    const classOf = (status) => early[status] ?? early;
    const client = connect({ address: gateway.address, key: KEY });

    /** Both ways of asking fail before anything was said. */
    const refused = (title, model, expected, key) => ['plain', 'stream'].forEach((verb) =>
      check(`${title}, ${verb}`, async () => {
        const asked = key === undefined ? client : connect({ address: gateway.address, key });
        const error = await failure(asked[verb](model, TEXT));
        expected(asked.problem(error), error);
      }));

    for (const family of FAMILIES) {
      describe(family, { concurrency: 4 }, () => {
        check('a text comes back', async () => {
          assert.equal(await client.plain(`${family}/echo`, TEXT), TEXT);
        });

        check('a stream says what a plain answer says', async () => {
          const [plain, stream] = await Promise.all([
            client.plain(`${family}/story`, TEXT), client.stream(`${family}/story`, TEXT),
          ]);
          assert.ok(plain.length > 400, plain);
          assert.equal(stream, plain);
        });

        for (const how of [{}, { streamed: true }, { thinking: true }, { streamed: true, thinking: true }]) {
          check(`two tools are called and answered ${Object.keys(how).join(', ')}`, async () => {
            const model = how.thinking ? 'think-tools' : 'tools';
            const { calls, text } = await client.tools(`${family}/${model}`, how);
            assert.deepEqual(calls.map((call) => [call.name, call.given]), Object.entries(GIVEN));
            const ids = new Set(calls.map((call) => call.id));
            assert.ok(ids.size === 2 || format === 'google', 'calls have ids of their own');
            assert.equal(text, told(RESULTS));
          });
        }

        for (const [place, other] of FAMILIES.entries()) {
          if (other === family) {
            continue;
          }
          // Half of the pairs in each way, so that every client and every family has both.
          const streamed = (place + FAMILIES.indexOf(family)) % 2 === 0;
          check(`${other} goes on with the calls${streamed ? ', streamed' : ''}`, async () => {
            // Google's third generation wants a signature with calls, also with those that another model made.
            const isThird = other === 'google' || (other === 'sim' && format === 'google');
            const second = `${other}/${isThird ? 'gemini-3-flash' : 'think-tools'}`;
            const { calls, text } = await client.tools(`${family}/think-tools`, { streamed, thinking: true, second });
            assert.deepEqual(calls.map((call) => call.given), Object.values(GIVEN));
            // That model says the last result only.
            assert.equal(text, told(isThird ? RESULTS.slice(-1) : RESULTS));
          });
        }

        check('the third generation of Gemini gets its signatures back', async () => {
          const { calls, text } = await client.tools(`${family}/gemini-3-flash`);
          assert.equal(calls.length, 2);
          assert.equal(text, told(RESULTS.slice(-1)));
        });

        check('a picture is seen', async () => {
          assert.equal(await client.image(`${family}/see`), `${PICTURE.type} ${PICTURE.bytes} bytes`);
        });

        check('an answer has the form that was asked for', async () => {
          assert.deepEqual(await client.schema(`${family}/echo`), PERSON);
        });

        check('the form reaches the provider', async () => {
          const seen = JSON.parse(await client.judged(`${family}/inspect`));
          const { additionalProperties, ...open } = formOf(seen);
          assert.deepEqual(opens ? open : formOf(seen), opens ? OPEN_SCHEMA : PERSON_SCHEMA);
          assert.deepEqual(seen.turns, [{ by: 'user', parts: [{ kind: 'text', text: GO }] }]);
        });

        for (const { model, code, status: usual, [format]: status = usual } of ERRORS) {
          refused(model, `${family}/${model}`, (problem) => {
            assert.deepEqual(short(problem), { status, code, name: classOf(status) });
          });
        }

        refused('fault/invalid-request', `${family}/fault/invalid-request`, (problem) => {
          assert.equal(problem.status, 400);
          assert.equal(problem.name, classOf(400));
          assert.ok(problem.ours === 'provider_invalid_request' || format === 'google', 'the header tells our code');
          if (SAME[format].includes(family)) {
            assert.match(JSON.stringify(problem.body), /invalid/i);
            assert.doesNotMatch(JSON.stringify(problem.body), /tollgate|provider_|doc_url/);
          } else {
            assert.equal(problem.code, 'provider_invalid_request');
          }
        });

        for (const { model, status, code } of EARLY) {
          check(`${model}, stream`, async () => {
            const problem = client.problem(await failure(client.stream(`${family}/${model}`, TEXT)));
            assert.deepEqual(short(problem), { status, code, name: classOf(status) });
          });
        }

        for (const { model, code } of LATE) {
          check(`${model}, stream`, async () => {
            const problem = client.problem(await failure(client.stream(`${family}/${model}`, TEXT)));
            assert.equal(problem.name, late, JSON.stringify(problem));
            assert.equal(problem.code, hidesCode ? undefined : code);
            const advice = code === 'stream_interrupted' ? /not the whole answer/ : /Ask again/;
            assert.match(JSON.stringify(problem.body), advice);
          });
        }
      });
    }

    for (const { name: title, model, key, status, code } of OWN) {
      refused(title, model, (problem) => {
        assert.deepEqual(short(problem), { status, code, name: classOf(status) });
      }, key);
    }
  });
}

const short = ({ status, code, name }) => ({ status, code, name });

/** The error of a promise that must not be kept. */
async function failure(promise) {
  let value;
  try {
    value = await promise;
  } catch (error) {
    return error;
  }
  return assert.fail(`no error, but ${JSON.stringify(value)}`);
}
