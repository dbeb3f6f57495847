import { Module } from '@nestjs/common';
import { ApprovalTaskQuestions } from '../approvals/approval-task-questions.service.js';
import { FixtureCalls } from '../conformance/fixture-calls.service.js';
import { FixtureService } from '../conformance/fixture.service.js';
import { fixtureTasks } from '../conformance/fixture-tasks.service.js';
import type { EdgeConfig } from '../edge.config.js';
import { EDGE_CONFIG } from '../edge.tokens.js';
import { InvocationModule } from '../invocation/invocation.module.js';
import { ResourcesModule } from '../resources/resources.module.js';
import { CompletionHandlers } from './completion-handlers.service.js';
import { MCP_SERVICE, McpHandlers } from './mcp-handlers.service.js';
import { McpServerFactory } from './mcp-server.factory.js';
import { PromptHandlers } from './prompt-handlers.service.js';
import { RequestStates } from './request-state.js';
import { ResourceHandlers } from './resource-handlers.service.js';
import { EventLog } from './sessions/event-log.js';
import { EventStreams } from './sessions/event-streams.js';
import { HttpSessions } from './sessions/http-sessions.service.js';
import { McpEvents } from './sessions/mcp-events.js';
import { ReplicaChannel } from './sessions/replica-channel.js';
import { ResourceSubscriptions } from './sessions/resource-subscriptions.service.js';
import { SessionStore } from './sessions/session-store.js';
import { SseController } from './sse.controller.js';
import { StatelessEndpoint } from './stateless.endpoint.js';
import { StreamableHttpController } from './streamable-http.controller.js';
import { TaskHandlers, TURN_QUESTIONS } from './task-handlers.service.js';
import { ToolHandlers } from './tool-handlers.service.js';

/** MCP: what may be asked, and the transports that bring it. */
@Module({
  imports: [InvocationModule, ResourcesModule],
  controllers: [SseController, StreamableHttpController],
  providers: [ApprovalTaskQuestions, { provide: TURN_QUESTIONS, useExisting: ApprovalTaskQuestions }, fixtureTasks, FixtureCalls, FixtureService, TaskHandlers, ToolHandlers, ResourceHandlers, PromptHandlers, CompletionHandlers, McpHandlers, { provide: MCP_SERVICE, inject: [EDGE_CONFIG, McpHandlers, FixtureService], useFactory: (config: EdgeConfig, handlers: McpHandlers, fixtures: FixtureService) => (config.MCP_CONFORMANCE ? fixtures : handlers) }, RequestStates, McpServerFactory, StatelessEndpoint, ReplicaChannel, McpEvents, SessionStore, EventLog, EventStreams, ResourceSubscriptions, HttpSessions],
})
export class McpModule {}
