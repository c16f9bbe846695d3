import type { Document, Schemas } from '../api/types';

export type CircuitState = Schemas['CircuitStatus']['state'];

export type UpstreamKey = Schemas['UpstreamKeyStatus'];

/** What is configured and, of an upstream that is enabled, what the proxies know of it. */
export type Upstream = Omit<Schemas['UpstreamStatus'], 'document'> & { document?: Document };

export type UpstreamList = Omit<Schemas['UpstreamList'], 'upstreams'> & { upstreams: Upstream[] };

export type TestStep = Schemas['UpstreamTestStep'];

export type TestReport = Schemas['UpstreamTestReport'];

export type Routing = Omit<Schemas['RoutingDeclaration'], 'loadBalancer' | 'openai'> & { loadBalancer: Document; openai: Document };
