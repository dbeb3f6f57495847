import type { Subject } from '../subject.js';
import { claudeHttp, claudeSse } from './claude.subject.js';
import { codex } from './codex.subject.js';
import { inspectorHttp, inspectorModern, inspectorSse } from './inspector.subject.js';
import { aiSdk, openAiAgents } from './library.subject.js';
import { mcporter } from './mcporter.subject.js';
import { bridge, bridgeModern, mcpRemote, sdk1Http, sdk1Sse, sdk2Legacy, sdk2Modern } from './sdk.subject.js';

export const ALL_SUBJECTS: readonly Subject[] = [
  claudeSse,
  claudeHttp,
  codex,
  inspectorHttp,
  inspectorModern,
  inspectorSse,
  openAiAgents,
  aiSdk,
  mcporter,
  mcpRemote,
  bridge,
  bridgeModern,
  sdk1Http,
  sdk1Sse,
  sdk2Legacy,
  sdk2Modern,
];
