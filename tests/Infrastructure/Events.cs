using CCGate.Contracts;

namespace CCGate.Tests.Infrastructure;

/// <summary>Events to store, as the proxy would write them.</summary>
internal static class Events
{
    public static readonly DateTimeOffset Noon = new(2026, 11, 21, 12, 0, 0, TimeSpan.Zero);

    public static RequestCompleted Request(string tenant = "alice", decimal spendUsd = 0.0105m, string? session = null)
    {
        var usage = new TokenUsage { InputTokens = 1000, OutputTokens = 500 };
        return new RequestCompleted
        {
            RequestId = Guid.CreateVersion7(Noon),
            TenantId = tenant,
            KeyId = "laptop",
            SessionId = session,
            Surface = "anthropic",
            RequestedModel = "claude-sonnet-4-5",
            AdmittedAt = Noon,
            CompletedAt = Noon.AddSeconds(2),
            Attempts =
            [
                new Attempt
                {
                    Number = 1,
                    UpstreamId = "u1",
                    ProviderModel = "claude-sonnet-4-5",
                    StartedAt = Noon,
                    EndedAt = Noon.AddSeconds(2),
                    StatusCode = 200,
                    Usage = usage,
                    UsageState = UsageState.Known,
                    PriceVersion = "2026-11-21.1",
                    SpendUsd = spendUsd,
                },
            ],
            Usage = usage,
            HeldUsd = 0.5m,
            SpendUsd = spendUsd,
            ProxyInstance = "proxy-1",
        };
    }

    public static EventRecord Record(string tenant = "alice") => EventRecord.From(Request(tenant));

    public static IReadOnlyList<EventRecord> Records(int count, string tenant = "alice") => [.. Enumerable.Range(0, count).Select(_ => Record(tenant))];
}
