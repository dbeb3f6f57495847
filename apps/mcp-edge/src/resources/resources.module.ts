import { Module } from '@nestjs/common';
import { InvocationModule } from '../invocation/invocation.module.js';
import { Completion } from './completion.service.js';
import { ResourceReading } from './resource-reading.service.js';
import { ResourceUpdates } from './resource-updates.service.js';

/** What agents are and have, for reading, free of any protocol. */
@Module({ imports: [InvocationModule], providers: [ResourceReading, ResourceUpdates, Completion], exports: [ResourceReading, ResourceUpdates, Completion] })
export class ResourcesModule {}
