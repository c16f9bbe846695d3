namespace CCGate.Bench.Load;

/// <summary>What the clients of a round do.</summary>
/// <param name="Name">As the option and the tables call it.</param>
/// <param name="Connections">Clients that send one request after another.</param>
/// <param name="Requests">Of all clients together, in one round.</param>
/// <param name="Answer">What the upstream answers.</param>
/// <param name="Body">What the clients send.</param>
internal sealed record Scenario(string Name, int Connections, int Requests, UpstreamAnswer Answer, byte[] Body)
{
    public static readonly IReadOnlyList<Scenario> All =
    [
        new("small-1", 1, 400, UpstreamAnswer.Whole, RequestBodies.Small(stream: false)),
        new("small-32", 32, 4_000, UpstreamAnswer.Whole, RequestBodies.Small(stream: false)),
        new("stream-32", 32, 1_500, UpstreamAnswer.Stream, RequestBodies.Small(stream: true)),
        new("paced-200", 200, 800, UpstreamAnswer.Paced, RequestBodies.Small(stream: true)),
        new("large-16", 16, 800, UpstreamAnswer.Stream, RequestBodies.Agent),
    ];

    /// <summary>Before the first round: connections are opened, and the runtime compiles what is called often.</summary>
    public int WarmUpRequests => Requests / 2;

    /// <summary>The scenarios of these names, or all of them.</summary>
    /// <param name="names">Empty for all.</param>
    /// <param name="scale">Multiplies the requests; null for a size that only shows that everything works.</param>
    public static IReadOnlyList<Scenario> Choose(IReadOnlyCollection<string> names, double? scale) =>
    [
        .. All.Where(scenario => names.Count == 0 || names.Contains(scenario.Name)).Select(scenario => scale is { } factor
            ? scenario with { Requests = Math.Max(scenario.Connections, (int)(scenario.Requests * factor)) }
            : scenario with { Connections = Math.Min(8, scenario.Connections), Requests = 16 }),
    ];
}
