import { Module } from '@nestjs/common';
import { InvocationModule } from '../invocation/invocation.module.js';
import { Completion } from './completion.service.js';
import { ResourceReading } from './resource-reading.service.js';

/** What agents are and have, for reading, free of any protocol. */
@Module({ imports: [InvocationModule], providers: [ResourceReading, Completion], exports: [ResourceReading, Completion] })
export class ResourcesModule {}
