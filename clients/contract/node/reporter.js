// Tells what failed, and how many tests there were: a line for each of a thousand that did not is of no use.

import { inspect } from 'node:util';

export default async function* reporter(events) {
  const path = [];
  let passed = 0;
  let failed = 0;
  let left = 0;
  for await (const { type, data } of events) {
    if (type === 'test:start') {
      path[data.nesting] = data.name;
    }
    if (type === 'test:stderr' || type === 'test:stdout') {
      yield data.message;
    }
    if ((type !== 'test:pass' && type !== 'test:fail') || data.details?.type === 'suite') {
      continue;
    }
    left += data.skip !== undefined || data.todo !== undefined ? 1 : 0;
    if (type === 'test:pass') {
      passed += 1;
      continue;
    }
    failed += 1;
    const cause = data.details.error.cause ?? data.details.error;
    yield `\nFAILED ${[...path.slice(0, data.nesting), data.name].join(' · ')}\n${cause.stack ?? inspect(cause)}\n`;
  }
  yield `\n${passed} passed, ${failed} failed, ${left} left out\n`;
}
