namespace CCGate.Contracts;

/// <summary>The queue between the proxies and metering. Whoever comes first declares it, so both must declare the same.</summary>
public static class UsageTopology
{
    /// <summary>The queue, and the exchange that feeds it.</summary>
    public const string Queue = "ccgate.usage";

    /// <summary>Where an event goes that can never be stored, alone, until somebody looks at it; and the exchange that feeds it.</summary>
    public const string ErrorQueue = "ccgate.usage_error";

    /// <summary>The header that says why an event is in the error queue.</summary>
    public const string ReasonHeader = "ccgate-reason";

    /// <summary>Arguments of both queues; RabbitMQ refuses a second declaration that differs.</summary>
    public static IReadOnlyDictionary<string, object> QueueArguments { get; } = new Dictionary<string, object>
    {
        ["x-queue-type"] = "quorum",

        // From version 4 on RabbitMQ drops a message that came back 20 times, which an outage of the database can do. Usage is never dropped.
        ["x-delivery-limit"] = int.MaxValue,
    };
}
