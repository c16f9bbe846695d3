using CCGate.Contracts;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.Integration.Projections;

/// <summary>Requests of all sorts, the same ones for the same seed, priced by <see cref="Book"/>.</summary>
internal sealed class RandomTraffic(int seed)
{
    public static readonly PriceBook Book = new()
    {
        Version = "test.1",
        Prices =
        [
            new ModelPrice { Model = "sonnet*", PerMillion = new TokenRates { Input = 3, Output = 15, CacheRead = 0.3m, CacheWrite5m = 3.75m, CacheWrite1h = 6 }, PerThousand = new CallRates { WebSearch = 10 } },
            new ModelPrice { Model = "haiku", PerMillion = new TokenRates { Input = 0.8m, Output = 4, CacheRead = 0.08m, CacheWrite5m = 1, CacheWrite1h = 1.6m } },
        ],
    };

    private static readonly string[] Models = ["sonnet-4", "sonnet-4-5", "haiku"];
    private readonly Random random = new(seed);

    public static EventRecord PriceBook { get; } = EventRecord.From(PriceBookPublished.Of(Book, Events.Noon));

    public IReadOnlyList<RequestCompleted> Requests(int count) => [.. Enumerable.Range(0, count).Select(_ => Request())];

    public RequestCompleted Request()
    {
        var admitted = Events.Noon.AddSeconds(random.Next(-200_000, 200_000));
        var attempts = Enumerable.Range(1, random.Next(0, 4)).Select(number => Attempt(number, admitted)).ToList();
        return new RequestCompleted
        {
            RequestId = Guid.CreateVersion7(admitted),
            TenantId = Pick("alice", "bob", "o'brien"),
            KeyId = Pick("laptop", "ci"),
            RequestedModel = Pick(Models),
            AdmittedAt = admitted,
            CompletedAt = admitted.AddMilliseconds(random.Next(1, 60_000)).AddTicks(random.Next(10_000)),
            Outcome = (RequestOutcome)random.Next(5),
            Attempts = attempts,
            Usage = attempts.Aggregate(new TokenUsage(), (sum, attempt) => sum + attempt.Usage),
            SpendUsd = attempts.Sum(attempt => attempt.SpendUsd),
            UnsettledUsd = random.Next(10) == 0 ? random.Next(1_000_000) / 1_000_000m : null,
            UnsettledTokens = random.Next(10) == 0 ? random.Next(100_000) : null,
        };
    }

    private Attempt Attempt(int number, DateTimeOffset admitted)
    {
        var usage = new TokenUsage
        {
            InputTokens = random.Next(100_000),
            CacheReadTokens = random.Next(100_000),
            CacheWrite5mTokens = random.Next(10_000),
            CacheWrite1hTokens = random.Next(10_000),
            OutputTokens = random.Next(50_000),
            ReasoningTokens = random.Next(1000),
            WebSearches = random.Next(3),
        };
        var (model, multiplier) = (Pick(Models), random.Next(1, 30) / 10m);
        return new Attempt
        {
            Number = number,
            UpstreamId = Pick("u1", "u2"),
            ProviderModel = model,
            StartedAt = admitted,
            EndedAt = admitted.AddSeconds(1),
            Usage = usage,
            UsageState = UsageState.Known,
            PriceVersion = Book.Version,
            CostMultiplier = multiplier,
            SpendUsd = Book.Spend(model, usage, admitted, multiplier)!.Value,
        };
    }

    private string Pick(params string[] values) => values[random.Next(values.Length)];
}
