import { Module } from '@nestjs/common';
import { ApprovalDesk } from '../approvals/approval-desk.service.js';
import { ApprovalQuestions } from '../approvals/approval-questions.service.js';
import { EdgeMetrics } from '../health/edge.metrics.js';
import { AgentCleanup } from '../management/agent-cleanup.service.js';
import { AgentDirectory } from '../management/agent-directory.service.js';
import { FanOut } from '../management/fan-out.service.js';
import { HealthCheck } from '../management/health-check.service.js';
import { ManagementTools } from '../management/management-tools.service.js';
import { SupervisorClients } from '../management/supervisor-clients.service.js';
import { ThreadManagement } from '../management/thread-management.service.js';
import { TurnCancellation } from '../management/turn-cancellation.service.js';
import { TurnReading } from '../management/turn-reading.service.js';
import { TurnStart } from '../management/turn-start.service.js';
import { TurnSteering } from '../management/turn-steering.service.js';
import { UsageReport } from '../management/usage-report.service.js';
import { MessagingModule } from '../messaging.module.js';
import { BudgetCheck } from './budget-check.service.js';
import { DropInCalls } from './drop-in-calls.service.js';
import { ServiceStatus } from './service-status.service.js';
import { ToolInvoker } from './tool-invoker.service.js';
import { TurnAdmission } from './turn-admission.service.js';
import { TurnCanceller } from './turn-canceller.service.js';
import { TurnLookup } from './turn-lookup.service.js';
import { TurnRunner } from './turn-runner.service.js';

const MANAGEMENT = [AgentDirectory, SupervisorClients, AgentCleanup, HealthCheck, TurnCancellation, TurnReading, TurnStart, TurnSteering, ThreadManagement, FanOut, UsageReport, ManagementTools];

/** Tool calls, free of any protocol. */
@Module({
  imports: [MessagingModule],
  providers: [EdgeMetrics, ServiceStatus, BudgetCheck, TurnCanceller, TurnLookup, TurnAdmission, TurnRunner, DropInCalls, ApprovalDesk, ApprovalQuestions, ToolInvoker, ...MANAGEMENT],
  exports: [AgentDirectory, ApprovalDesk, EdgeMetrics, ServiceStatus, ToolInvoker, TurnAdmission, TurnCanceller, TurnLookup, TurnSteering, MessagingModule],
})
export class InvocationModule {}
