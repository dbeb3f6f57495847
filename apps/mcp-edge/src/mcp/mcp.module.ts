import { Module } from '@nestjs/common';
import { InvocationModule } from '../invocation/invocation.module.js';
import { McpHandlers } from './mcp-handlers.service.js';
import { McpServerFactory } from './mcp-server.factory.js';
import { RequestStates } from './request-state.js';
import { SseController } from './sse.controller.js';
import { StatelessEndpoint } from './stateless.endpoint.js';
import { StreamableHttpController } from './streamable-http.controller.js';
import { ToolHandlers } from './tool-handlers.service.js';

/** MCP: what may be asked, and the transports that bring it. */
@Module({
  imports: [InvocationModule],
  controllers: [SseController, StreamableHttpController],
  providers: [ToolHandlers, McpHandlers, RequestStates, McpServerFactory, StatelessEndpoint],
})
export class McpModule {}
