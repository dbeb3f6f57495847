import type { TurnRecord } from '@codex-mcp/contracts';
import { TurnLogReader } from '@codex-mcp/messaging';
import type { Provider } from '@nestjs/common';
import type { EdgeConfig } from '../edge.config.js';
import { EDGE_CONFIG } from '../edge.tokens.js';
import type { Question } from '../invocation/invocation.js';
import { TurnCanceller } from '../invocation/turn-canceller.service.js';
import { TurnLookup } from '../invocation/turn-lookup.service.js';
import { TurnSteering } from '../management/turn-steering.service.js';
import { type TaskEnd, TaskHandlers } from '../mcp/task-handlers.service.js';
import { endOf, FixtureAnswer, parsed, sayingOf } from './fixture-turn.js';

/** The Tasks extension for fixtures' turns: only what a turn says and how it ends is read in another way. */
export class FixtureTasks extends TaskHandlers {
  constructor(turns: TurnLookup, canceller: TurnCanceller, config: EdgeConfig, reader: TurnLogReader, steering: TurnSteering) {
    const pending = async ({ request }: TurnRecord): Promise<Record<string, Question>> => {
      const open: Record<string, Question> = {};
      for (const { event } of await reader.read(request.turnId)) {
        const saying = sayingOf(event);
        if (saying && 'questions' in saying) Object.assign(open, saying.questions);
        const answered = event.type === 'steered' ? FixtureAnswer.safeParse(parsed(event.text)).data?.key : undefined;
        if (answered !== undefined) delete open[answered];
      }
      return open;
    };
    super(turns, canceller, config, {
      pending,
      answer: async (turn, answers) => {
        const open = await pending(turn);
        for (const [key, answer] of Object.entries(answers)) if (key in open) await steering.steer(turn.request.agent, JSON.stringify({ key, answer }), turn.request.turnId);
      },
    });
  }

  protected override endOf(turn: TurnRecord): TaskEnd {
    const end = endOf(turn);
    if (!end || 'ask' in end) return super.endOf(turn);
    return 'result' in end ? { result: end.result as never } : { error: end.protocolError };
  }
}

/** By a factory, as Nest would take the injections of the class that it extends for its own. */
export const fixtureTasks: Provider = {
  provide: FixtureTasks,
  inject: [TurnLookup, TurnCanceller, EDGE_CONFIG, TurnLogReader, TurnSteering],
  useFactory: (...given: ConstructorParameters<typeof FixtureTasks>) => new FixtureTasks(...given),
};
