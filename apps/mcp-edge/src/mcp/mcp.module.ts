import { Module } from '@nestjs/common';
import { InvocationModule } from '../invocation/invocation.module.js';
import { McpHandlers } from './mcp-handlers.service.js';
import { McpServerFactory } from './mcp-server.factory.js';
import { RequestStates } from './request-state.js';
import { EventLog } from './sessions/event-log.js';
import { EventStreams } from './sessions/event-streams.js';
import { HttpSessions } from './sessions/http-sessions.service.js';
import { ReplicaChannel } from './sessions/replica-channel.js';
import { SessionStore } from './sessions/session-store.js';
import { SseController } from './sse.controller.js';
import { StatelessEndpoint } from './stateless.endpoint.js';
import { StreamableHttpController } from './streamable-http.controller.js';
import { ToolHandlers } from './tool-handlers.service.js';

/** MCP: what may be asked, and the transports that bring it. */
@Module({
  imports: [InvocationModule],
  controllers: [SseController, StreamableHttpController],
  providers: [ToolHandlers, McpHandlers, RequestStates, McpServerFactory, StatelessEndpoint, ReplicaChannel, SessionStore, EventLog, EventStreams, HttpSessions],
})
export class McpModule {}
