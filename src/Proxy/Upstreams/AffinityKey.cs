namespace CCGate.Proxy.Upstreams;

/// <summary>Whose prompt cache: a conversation with a model, of a tenant. Providers keep a cache per model, and nothing is shared between tenants.</summary>
internal readonly record struct AffinityKey(string TenantId, string Model, ulong Conversation);
