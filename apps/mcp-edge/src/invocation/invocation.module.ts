import { Module } from '@nestjs/common';
import { EdgeMetrics } from '../health/edge.metrics.js';
import { AgentCleanup } from '../management/agent-cleanup.service.js';
import { AgentDirectory } from '../management/agent-directory.service.js';
import { HealthCheck } from '../management/health-check.service.js';
import { ManagementTools } from '../management/management-tools.service.js';
import { SupervisorClients } from '../management/supervisor-clients.service.js';
import { TurnCancellation } from '../management/turn-cancellation.service.js';
import { MessagingModule } from '../messaging.module.js';
import { ServiceStatus } from './service-status.service.js';
import { ToolInvoker } from './tool-invoker.service.js';
import { TurnCanceller } from './turn-canceller.service.js';
import { TurnRunner } from './turn-runner.service.js';

const MANAGEMENT = [AgentDirectory, SupervisorClients, AgentCleanup, HealthCheck, TurnCancellation, ManagementTools];

/** Tool calls, free of any protocol. */
@Module({
  imports: [MessagingModule],
  providers: [EdgeMetrics, ServiceStatus, TurnCanceller, TurnRunner, ToolInvoker, ...MANAGEMENT],
  exports: [EdgeMetrics, ServiceStatus, ToolInvoker],
})
export class InvocationModule {}
